"""The Flask application: routes from the protos, routes of our own, and one way to refuse."""

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import perf_counter

from crm_chassis.telemetry import metrics, tracing
from flask import Flask, g, request
from werkzeug.wrappers import Response

from crm_gateway.transcoding.exchange import Authenticate, begin
from crm_gateway.transcoding.paths import prepare_map
from crm_gateway.transcoding.problems import problem_of
from crm_gateway.transcoding.routes import Bindings, Route
from crm_gateway.transcoding.upstream import Upstreams

LARGEST_BODY = 1024 * 1024

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """What the application is put together from.

    `authenticate` gives the internal token for a request, or refuses it; `readiness` has a check
    for each dependency that raises while it is away.
    """

    bindings: Bindings
    upstreams: Upstreams
    authenticate: Authenticate
    readiness: Mapping[str, Callable[[], None]] = field(default_factory=dict)


def create_app(parts: Parts) -> Flask:
    """The application that serves the REST API."""
    app = Flask("crm_gateway", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    prepare_map(app.url_map)
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(Exception, _refuse)
    for bound in parts.bindings.unary():
        encode = parts.bindings.codec.encoder(bound.method.output)
        add_route(app, Route(bound, encode, parts.upstreams, parts.authenticate))
    return app

def _begin(): 
    g.exchange = begin(request)
def _finish(response):
    return g.exchange.finish(response)
def _refuse(error):
    problem = problem_of(error)
    if problem.status >= 500: logger.exception("x")
    return problem.response(g.exchange.request_id)

def add_route(app: Flask, route: Route) -> None:
    binding = route.bound.binding

    def view(**values: str) -> Response:
        return route.answer(g.exchange, values)

    app.add_url_rule(route.bound.template.rule, f"{binding.verb} {binding.template}", view, methods=[binding.verb])
