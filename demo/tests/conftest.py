"""A stand-in for the REST API: collections in memory, and a switch that makes it break down."""

import json
import threading
import uuid
from collections import defaultdict
from datetime import UTC, datetime

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from crm_demo.api import Api


class KeepingOpen(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


class Installation:
    """Takes what the demo company sends, and counts the requests."""

    def __init__(self):
        self.rows = defaultdict(list)
        self.answers = {}
        self.requests = 0
        self.breaks_after = None
        self.file = b""

    def __call__(self, environ, start_response):
        request = Request(environ)
        self.requests += 1
        if self.breaks_after is not None and self.requests > self.breaks_after:
            answer = {"status": 500, "reason": "INTERNAL"}
        else:
            answer = self.answer(request)
        status = answer.get("status", 200)
        return Response(json.dumps(answer), status)(environ, start_response)

    def answer(self, request):
        assert request.headers["Authorization"] == "Bearer a-key"
        path = request.path.removeprefix("/v1/")
        if request.method == "GET":
            return self.list(path, request.args.get("filter", ""))
        key = request.headers["Idempotency-Key"]
        if key not in self.answers:
            made = self.do(path, request)
            self.answers[key] = made
        return self.answers[key]

    def list(self, path, wanted):
        rows = self.rows[path]
        if wanted:
            rows = [row for row in rows if wanted.endswith(f'"{row["externalIds"]["demo"]}"')]
        return {path.rpartition("/")[2]: rows, "nextPageToken": ""}

    def do(self, path, request):
        if path == "contacts:import":
            return self.upload(request)
        if ":" in path:
            return self.act(*path.split(":"))
        return self.make(path, request.get_json())

    def act(self, name, verb):
        """What verbs come to: each is allowed once."""
        [row] = [row for row in self.rows[name.rpartition("/")[0]] if row["name"] == name]
        if verb in row.setdefault("done", []):
            return {"status": 422, "reason": "DONE"}
        row["done"].append(verb)
        row["state"] = "SENT"
        return row

    def make(self, path, body):
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        row = {"name": f"{path}/{uuid.uuid4()}", "createTime": moment, **body}
        self.rows[path].append(row)
        return row

    def upload(self, request):
        config = json.load(request.files["config"])
        assert config["mode"] == "CREATE"
        self.file = request.files["file"].read()
        for line in self.file.decode().splitlines()[1:]:
            self.make("contacts", {"externalIds": {"febrl": line.partition(",")[0]}})
        response = {"created": 0, "updated": 0, "skipped": 0, "failed": 0, "errorsUri": ""}
        return {"name": "operations/contacts.1", "done": True, "response": response}


@pytest.fixture
def installation():
    application = Installation()
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=KeepingOpen)
    application.api = Api(f"http://127.0.0.1:{server.server_port}", "a-key")
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    yield application
    server.shutdown()
    thread.join()
