"""Downloads: RPCs that answer with a stream of `google.api.HttpBody`, passed on piece by piece."""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import Message
from werkzeug.wrappers import Response

from crm_chassis.kernel.errors import Unavailable
from crm_gateway.http.table import HttpRoute, Operation
from crm_gateway.transcoding.exchange import Authenticate, Exchange
from crm_gateway.transcoding.openapi import OpenApi, operation_id, refusals
from crm_gateway.transcoding.problems import Problem, problem_of
from crm_gateway.transcoding.routes import Bindings, Bound, read
from crm_gateway.transcoding.upstream import Stream, Upstreams

HTTP_BODY = "google.api.HttpBody"
DEFAULT_TYPE = "application/octet-stream"


def download_routes(
    bindings: Bindings, upstreams: Upstreams, authenticate: Authenticate
) -> list[HttpRoute]:
    """A route for each binding of an RPC that gives a file."""
    return [
        Download(bound, upstreams, authenticate).route()
        for bound in bindings.streaming()
        if bound.method.streams_out and bound.method.output.full_name == HTTP_BODY
    ]


class Download:
    """Answers one binding of such an RPC."""

    def __init__(self, bound: Bound, upstreams: Upstreams, authenticate: Authenticate) -> None:
        self._bound = bound
        self._upstreams = upstreams
        self._authenticate = authenticate

    def route(self) -> HttpRoute:
        bound = self._bound
        return HttpRoute(
            bound.binding.verb,
            bound.template.document_path,
            self.answer,
            self._describe,
            bound.method,
            bound.template,
            self._explain,
        )

    def answer(self, exchange: Exchange, values: Mapping[str, str]) -> Response:
        """The file. What is refused is refused before its first byte."""
        metadata = exchange.metadata(self._authenticate(exchange.request))
        fields, request = read(self._bound, exchange.request, values)
        service = self._bound.service_of(fields)
        stream = self._upstreams.receive(service, self._bound.method, request, metadata)
        pieces = iter(stream)
        first: Any = next(pieces, None)
        if first is None:
            raise Unavailable("The service gave nothing.")
        response = Response(_bytes(stream, first, pieces))
        response.headers["Content-Type"] = first.content_type or DEFAULT_TYPE
        response.headers["Content-Disposition"] = "attachment"
        response.headers["Cache-Control"] = "private, no-store"
        return response

    def _explain(self, error: Exception) -> Problem:
        return problem_of(error, self._bound.wording)

    def _describe(self, builder: OpenApi) -> Operation:
        operation = builder.declared(self._bound.method, operation_id(self._bound))
        operation["parameters"] = builder.parameters(self._bound)
        file = {"schema": {"type": "string", "format": "binary"}}
        operation["responses"] = {
            "200": {"description": "The file.", "content": {"*/*": file}},
            **refusals({400, 401, 403, 404, 429, 503, 504}),
        }
        return operation


def _bytes(stream: Stream, first: Any, rest: Iterator[Message]) -> Iterator[bytes]:
    """The pieces' bytes; whoever stops reading lets the service stop too."""
    try:
        yield first.data
        for piece in rest:
            said: Any = piece
            yield said.data
    finally:
        stream.close()
