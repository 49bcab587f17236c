"""What is the same for every route: how it is found, its trace, its metrics, how it refuses."""

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING

from flask import Flask, Request, request
from werkzeug.routing import MapAdapter
from werkzeug.wrappers import Response

from crm_chassis.telemetry import metrics, tracing
from crm_chassis.telemetry.logging import logger
from crm_gateway.transcoding.exchange import Exchange, begin
from crm_gateway.transcoding.paths import PathIndex, Template, prepare_map
from crm_gateway.transcoding.problems import Problem, problem_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LARGEST_BODY = 1024 * 1024
UNMATCHED = "unmatched"
# A caller may call a method what it likes: a label's values are a closed set.
VERBS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
OTHER = "other"
SHOWN = ("2xx", "5xx")

Answer = Callable[[Exchange, Mapping[str, str]], Response]
Explain = Callable[[Exception], Problem]

_log = logger(__name__)


class EdgeRequest(Request):
    """A request of which no more is read than what JSON may take; uploads allow themselves more."""

    max_content_length = LARGEST_BODY


class Edge(Flask):
    """Flask as the edge of the suite: every route in the same frame, every error a problem.

    Routes with a template need nothing of Flask's contexts, sessions and hooks: where path and verb
    are one of theirs, they are answered at once (ADR 0017 tells what that saves). All else, and
    whatever is refused before a route is found, goes Flask's way.
    """

    request_class = EdgeRequest

    def __init__(self) -> None:
        super().__init__("crm_gateway", static_folder=None)
        prepare_map(self.url_map)
        metrics.expect(metrics.HTTP_REQUESTS, [UNMATCHED], [*VERBS, OTHER], ["4xx", "5xx"])
        self.register_error_handler(Exception, _refuse_unmatched)
        self._index: PathIndex[Frame] = PathIndex()

    def add(self, verb: str, path: str, answer: Answer, explain: Explain = problem_of) -> None:
        """Serve one path."""
        self._add(verb, path, Frame(verb, path, answer, explain))

    def add_templated(
        self, verb: str, template: Template, answer: Answer, explain: Explain
    ) -> None:
        """Serve every path of a template, which is how metrics and traces call them."""
        frame = Frame(verb, template.document_path, answer, explain)
        self._add(verb, template.rule, frame)
        self._index.add(verb, template, frame)

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        found = self._index.find(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        if found is None:
            return super().wsgi_app(environ, start_response)
        frame, values = found
        return frame.answer(EdgeRequest(environ), values)(environ, start_response)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Match by path and verb alone: one host, and nothing is ever redirected."""
        if request is None:
            return None
        return MapAdapter(
            self.url_map, "", "/", "", "http", request.path, request.method, query_args=None
        )

    def make_default_options_response(self) -> Response:  # type: ignore[override]
        """Tell the verbs of a path."""
        allowed = super().make_default_options_response().headers["Allow"]
        response = Response(status=204, headers={"Allow": allowed})
        del response.headers["Content-Type"]
        return _finished(begin(request), response)

    def _add(self, verb: str, rule: str, frame: "Frame") -> None:
        def view(**values: str) -> Response:
            return frame.answer(request._get_current_object(), values)  # type: ignore[attr-defined]

        self.add_url_rule(rule, frame.name, view, methods=[verb])


class Frame:
    """What stands around one route."""

    def __init__(self, verb: str, path: str, answer: Answer, explain: Explain) -> None:
        self.name = f"{verb} {path}"
        self._answer = answer
        self._explain = explain
        self._place = (path, verb)
        metrics.expect(metrics.HTTP_REQUESTS, [path], [verb], SHOWN)

    def answer(self, asked: Request, values: Mapping[str, str]) -> Response:
        """The answer of the route, or the problem that it told of."""
        started = perf_counter()
        exchange = begin(asked)
        with tracing.span(self.name, traceparent=exchange.traceparent, kind="server") as context:
            exchange.traceparent = context
            try:
                response = self._answer(exchange, values)
            except Exception as error:  # noqa: BLE001 - every error is a problem to the caller
                response = _refusal(exchange, self._explain(error), error)
            exchange.finish(response)
        duration = perf_counter() - started
        metrics.observe(metrics.HTTP_DURATION, self._place, duration, exchange.traceparent)
        status = f"{response.status_code // 100}xx"
        metrics.child(metrics.HTTP_REQUESTS, *self._place, status).inc()
        return response


def _refusal(exchange: Exchange, problem: Problem, error: Exception) -> Response:
    if problem.status == 500:
        _log.error("request failed", request_id=exchange.request_id, exc_info=error)
    return problem.response(exchange.request_id)


def _refuse_unmatched(error: Exception) -> Response:
    """Whatever goes wrong outside of a route: no such path or verb, a request beyond reading."""
    exchange = begin(request)
    problem = problem_of(error)
    response = _finished(exchange, _refusal(exchange, problem, error))
    verb = request.method if request.method in VERBS else OTHER
    metrics.HTTP_REQUESTS.labels(UNMATCHED, verb, f"{problem.status // 100}xx").inc()
    return response


def _finished(exchange: Exchange, response: Response) -> Response:
    exchange.traceparent = exchange.traceparent or tracing.new_traceparent()
    return exchange.finish(response)
