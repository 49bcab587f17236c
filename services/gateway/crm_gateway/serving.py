"""What is the same for every route: its trace, its metrics, and how it refuses."""

from collections.abc import Callable, Mapping
from time import perf_counter

from flask import Flask, request
from werkzeug.routing import MapAdapter
from werkzeug.wrappers import Request, Response

from crm_chassis.telemetry import metrics, tracing
from crm_chassis.telemetry.logging import logger
from crm_gateway.transcoding.exchange import Exchange, begin
from crm_gateway.transcoding.paths import prepare_map
from crm_gateway.transcoding.problems import Problem, problem_of

LARGEST_BODY = 1024 * 1024
UNMATCHED = "unmatched"

Answer = Callable[[Exchange, Mapping[str, str]], Response]
Explain = Callable[[Exception], Problem]

_log = logger(__name__)


class Edge(Flask):
    """Flask as the edge of the suite: every route in the same frame, every error a problem."""

    def __init__(self) -> None:
        super().__init__("crm_gateway", static_folder=None)
        self.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
        prepare_map(self.url_map)
        self.register_error_handler(Exception, _refuse_unmatched)

    def add(
        self, verb: str, rule: str, path: str, answer: Answer, explain: Explain = problem_of
    ) -> None:
        """Serve a route. `path` is how the document, metrics and traces call it."""
        view = _framed(verb, path, answer, explain)
        self.add_url_rule(rule, f"{verb} {path}", view, methods=[verb])

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


def _framed(verb: str, path: str, answer: Answer, explain: Explain) -> Callable[..., Response]:
    name = f"{verb} {path}"
    duration = metrics.HTTP_DURATION.labels(path, verb)
    counts = {kind: metrics.HTTP_REQUESTS.labels(path, verb, f"{kind}xx") for kind in range(2, 6)}

    def view(**values: str) -> Response:
        started = perf_counter()
        exchange = begin(request._get_current_object())  # type: ignore[attr-defined]
        with tracing.span(name, traceparent=exchange.traceparent, kind="server") as context:
            exchange.traceparent = context
            try:
                response = answer(exchange, values)
            except Exception as error:  # noqa: BLE001 - every error is a problem to the caller
                response = _refusal(exchange, explain(error), error)
            exchange.finish(response)
        duration.observe(perf_counter() - started)
        counts[response.status_code // 100].inc()
        return response

    return view


def _refusal(exchange: Exchange, problem: Problem, error: Exception) -> Response:
    if problem.status == 500:
        _log.error("request failed", request_id=exchange.request_id, exc_info=error)
    return problem.response(exchange.request_id)


def _refuse_unmatched(error: Exception) -> Response:
    """Whatever goes wrong outside of a route: no such path or verb, a request beyond reading."""
    exchange = begin(request)
    problem = problem_of(error)
    response = _finished(exchange, _refusal(exchange, problem, error))
    metrics.HTTP_REQUESTS.labels(UNMATCHED, request.method, f"{problem.status // 100}xx").inc()
    return response


def _finished(exchange: Exchange, response: Response) -> Response:
    exchange.traceparent = exchange.traceparent or tracing.new_traceparent()
    return exchange.finish(response)
