"""The command line as a person runs it, against a stand-in for the surface of the REST API."""

import json
import threading
from dataclasses import dataclass, field

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from crm_gateway.crmctl.program import main


class Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        pass


@dataclass
class StandIn:
    """Answers what a test has put there, and keeps what it was asked."""

    answers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    url: str = ""

    def put(self, call, answer, status=200):
        """`GET /v1/x` answers a document, or what a function makes of the request."""
        self.answers[call] = (answer, status)

    def refuse(self, call, status, reason, **told):
        """`GET /v1/x` answers a problem."""
        document = {"status": status, "reason": reason, "detail": "It is not so.", **told}
        self.put(call, {"title": "No", "instance": "request-1", **document}, status)

    def __call__(self, environ, start_response):
        request = Request(environ)
        call = f"{request.method} {request.path}"
        content = request.get_data()
        self.asked.append((call, dict(request.args), dict(request.headers), content))
        answer, status = self.answers.get(call, ({"reason": "NOT_FOUND", "detail": "No."}, 404))
        said = answer(request) if callable(answer) else answer
        body = said if isinstance(said, bytes) else json.dumps(said)
        return Response(body, status)(environ, start_response)


@dataclass
class Ran:
    """How a run of the program ended, and what it said."""

    code: int
    said: str
    complained: str


@pytest.fixture
def api():
    stand_in = StandIn()
    server = make_server("127.0.0.1", 0, stand_in, threaded=True, request_handler=Quiet)
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    yield stand_in
    server.shutdown()
    thread.join()


@pytest.fixture
def crmctl(api, monkeypatch, capsys):
    monkeypatch.setenv("CRM_URL", api.url)
    monkeypatch.setenv("CRM_API_KEY", "a-key")

    def run(*arguments):
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = ended.code
        told = capsys.readouterr()
        return Ran(code, told.out, told.err)

    return run
