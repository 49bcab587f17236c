"""The Flask application, put together: routes from the protos, and the few of our own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import Flask

from crm_gateway.serving import Edge
from crm_gateway.transcoding.exchange import Authenticate
from crm_gateway.transcoding.routes import Bindings, Route
from crm_gateway.transcoding.upstream import Upstreams


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
    app = Edge()
    for bound in parts.bindings.unary():
        encode = parts.bindings.codec.encoder(bound.method.output)
        route = Route(bound, encode, parts.upstreams, parts.authenticate)
        template = bound.template
        app.add(
            bound.binding.verb, template.rule, template.document_path, route.answer, route.problem
        )
    return app
