"""The Flask application, put together: routes from the protos, and the few of our own."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from flask import Flask

from crm_gateway.http.documents import document_routes
from crm_gateway.http.downloads import download_routes
from crm_gateway.http.health import health_routes
from crm_gateway.http.table import HttpRoute
from crm_gateway.http.uploads import upload_routes
from crm_gateway.serving import Edge
from crm_gateway.transcoding.exchange import Authenticate
from crm_gateway.transcoding.routes import Bindings, Route
from crm_gateway.transcoding.upstream import Upstreams


@dataclass(frozen=True)
class Parts:
    """What the application is put together from.

    `authenticate` gives the internal token for a request, or refuses it; `readiness` has a check
    for each dependency that raises while it is away, `needed` names those without which nothing
    can be answered; `routes` are more routes of our own.
    """

    bindings: Bindings
    upstreams: Upstreams
    authenticate: Authenticate
    readiness: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    needed: Collection[str] = ()
    routes: Sequence[HttpRoute] = ()


def create_app(parts: Parts) -> Flask:
    """The application that serves the REST API.

    Raises:
        ValueError: the protos declare what cannot be served, or two routes are the same.
    """
    app = Edge()
    for bound in parts.bindings.unary():
        encode = parts.bindings.codec.encoder(bound.method.output)
        route = Route(bound, encode, parts.upstreams, parts.authenticate)
        app.add_templated(bound.binding.verb, bound.template, route.answer, route.problem)
    for own in routes_of_our_own(parts):
        if own.template is not None:
            app.add_templated(own.verb, own.template, own.answer, own.explain)
        else:
            app.add(own.verb, own.path, own.answer, own.explain)
    return app


def routes_of_our_own(parts: Parts) -> list[HttpRoute]:
    """The table of the routes that are not transcoded, as it is served."""
    told = [
        *health_routes(parts.readiness, parts.needed),
        *upload_routes(parts.bindings, parts.upstreams, parts.authenticate),
        *download_routes(parts.bindings, parts.upstreams, parts.authenticate),
        *parts.routes,
    ]
    return [*told, *document_routes(parts.bindings, told)]
