"""Stand-ins for what the page of operations asks: processes with `/metrics`, and Prometheus."""

import json
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from crm_chassis.testing.calls import a_principal
from crm_gateway.ops import routes, scraping
from crm_gateway.ops.prometheus import Prometheus
from crm_gateway.ops.routes import routes_of, sources_of
from crm_gateway.ops.watch import Watch
from crm_gateway.serving import Edge

# How long somebody is waited for who answers, however busy the machine is.
PATIENT = 30.0


class Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        pass


@contextmanager
def served(application):
    """The application on a free port; gives its address."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Processes:
    """Processes that tell what a test wants: the page of each by its name; None is away."""

    pages: dict = field(default_factory=dict)
    delay: float = 0.0
    url: str = ""

    @property
    def setting(self):
        return ",".join(f"{name}={self.url}/{name}/metrics" for name in self.pages)

    def tell(self, name, *lines):
        self.pages[name] = "".join(f"{line}\n" for line in lines)

    def __call__(self, environ, start_response):
        name = Request(environ).path.strip("/").removesuffix("/metrics")
        time.sleep(self.delay)
        page = self.pages.get(name)
        answer = Response("", 503) if page is None else Response(page)
        return answer(environ, start_response)


@dataclass
class PrometheusApi:
    """Prometheus' HTTP API with the answers that a test has put there, by parts of the query."""

    vectors: dict = field(default_factory=dict)
    matrices: dict = field(default_factory=dict)
    alerts: list = field(default_factory=list)
    delay: float = 0.0
    at_once: str = ""  # what it answers without a delay
    broken: bytes | None = None
    asked: list = field(default_factory=list)
    url: str = ""

    def put(self, query, *rows):
        """A query that has this text in it gives rows of labels and a value."""
        self.vectors[query] = [
            {"metric": labels, "value": [time.time(), str(value)]} for labels, value in rows
        ]

    def draw(self, query, *values):
        told = [[time.time() - 60 * (len(values) - i), str(v)] for i, v in enumerate(values)]
        self.matrices[query] = [{"metric": {}, "values": told}]

    def __call__(self, environ, start_response):
        request = Request(environ)
        query = request.form.get("query", "")
        self.asked.append((request.path, query))
        time.sleep(0.0 if query == self.at_once else self.delay)
        body = self.broken if self.broken is not None else self._body(request.path, query)
        return Response(body)(environ, start_response)

    def _body(self, path, query):
        if path == "/api/v1/alerts":
            data = {"alerts": self.alerts}
        else:
            kind, told = ("matrix", self.matrices) if "range" in path else ("vector", self.vectors)
            found = next((rows for text, rows in told.items() if text in query), [])
            data = {"resultType": kind, "result": found}
        return json.dumps({"status": "success", "data": data})


@pytest.fixture
def processes():
    stand_in = Processes()
    with served(stand_in) as stand_in.url:
        yield stand_in


@pytest.fixture
def prometheus():
    stand_in = PrometheusApi()
    with served(stand_in) as stand_in.url:
        yield stand_in


@pytest.fixture
def watching(monkeypatch):
    """Makes a watch of the sources that are set, which believes nothing for long.

    `patience` is for Prometheus; where nobody is to be given up a busy machine has its time.
    """
    monkeypatch.setattr(routes, "Processes", partial(scraping.Processes, patience=PATIENT))

    def watch(prometheus_url="", metrics_urls="", patience=PATIENT):
        monkeypatch.setattr(routes, "Prometheus", partial(Prometheus, patience=patience))
        return Watch(sources_of(prometheus_url, metrics_urls), believed=0.0)

    return watch


@pytest.fixture
def open_page():
    """Serves the page of a watch to everybody; gives its address."""
    with ExitStack() as opened:

        def open_(watch):
            app = Edge()
            for route in routes_of(watch, lambda _: a_principal()):
                app.add(route.verb, route.path, route.answer, route.explain)
            return opened.enter_context(served(app)) + "/ops"

        yield open_
