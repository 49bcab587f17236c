"""Uploads: a form with a file and its configuration, passed on piece by piece to a streaming RPC.

The RPC's request is one of two things: the configuration, a message, which comes first, or the next
bytes of the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from werkzeug.wrappers import Response

from crm_gateway.http.forms import Form
from crm_gateway.http.table import HttpRoute, Operation, refuse_parameters
from crm_gateway.transcoding.components import Side
from crm_gateway.transcoding.exchange import Authenticate, Exchange
from crm_gateway.transcoding.faults import Flaws, Malformed
from crm_gateway.transcoding.openapi import (
    OpenApi,
    idempotency_parameter,
    operation_id,
    refusals,
)
from crm_gateway.transcoding.problems import Problem, problem_of
from crm_gateway.transcoding.routes import JSON, Bindings, Bound
from crm_gateway.transcoding.schema import message_of
from crm_gateway.transcoding.strict_json import read_json
from crm_gateway.transcoding.upstream import Upstreams

LARGEST_UPLOAD = 256 * 1024 * 1024
PIECE = 64 * 1024
FORM = "multipart/form-data"
FILE, CONFIG = "file", "config"


def upload_routes(
    bindings: Bindings, upstreams: Upstreams, authenticate: Authenticate
) -> list[HttpRoute]:
    """A route for each binding of an RPC that takes a file.

    Raises:
        ValueError: the requests of such an RPC are neither a configuration nor bytes.
    """
    return [
        Upload(bound, bindings, upstreams, authenticate).route()
        for bound in bindings.streaming()
        if bound.method.streams_in
    ]


@dataclass(frozen=True)
class Shape:
    """The two fields of which one is in each request."""

    config: FieldDescriptor
    chunk: FieldDescriptor


class Upload:
    """Answers one binding of such an RPC."""

    def __init__(
        self, bound: Bound, bindings: Bindings, upstreams: Upstreams, authenticate: Authenticate
    ) -> None:
        self._bound = bound
        self._shape = _shape_of(bound)
        self._decode = bindings.codec.decoder(message_of(self._shape.config))
        self._encode = bindings.codec.encoder(bound.method.output)
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
        """Pass the file on while it comes, and answer what the service answers."""
        metadata = exchange.metadata(self._authenticate(exchange.request))
        refuse_parameters(exchange.request)
        exchange.request.max_content_length = LARGEST_UPLOAD
        exchange.is_reading = True
        with Form(exchange.request, config=CONFIG, file=FILE) as form:
            config = self._configuration(form.config())
            service = self._bound.service_of({})
            answer = self._upstreams.send(
                service, self._bound.method, self._requests(config, form), metadata
            )
        exchange.is_reading = False
        headers = [("Content-Type", JSON)]
        if answer.trailing.get("idempotent-replayed") == "true":
            headers.append(("Idempotent-Replayed", "true"))
        return Response(orjson.dumps(self._encode(answer.message)), headers=headers)

    def _configuration(self, text: bytes) -> dict[str, Any]:
        path, flaws = (None, CONFIG), Flaws("body")
        config: dict[str, Any] | None = self._decode(read_json(text, path), path, flaws)
        if flaws.found or config is None:
            raise Malformed(flaws.found)
        return config

    def _requests(self, config: dict[str, Any], form: Form) -> Iterator[Message]:
        make = self._bound.request_class
        yield make(**{self._shape.config.name: config})
        for piece in form.pieces(PIECE):
            yield make(**{self._shape.chunk.name: piece})

    def _explain(self, error: Exception) -> Problem:
        return problem_of(error, self._bound.wording)

    def _describe(self, builder: OpenApi) -> Operation:
        config = builder.components.reference(message_of(self._shape.config), Side.INPUT)
        operation = builder.declared(self._bound.method, operation_id(self._bound))
        operation["parameters"] = [idempotency_parameter()]
        operation["requestBody"] = {
            "required": True,
            "content": {
                FORM: {
                    "schema": {
                        "type": "object",
                        "required": [FILE, CONFIG],
                        "properties": {
                            FILE: {"type": "string", "format": "binary"},
                            CONFIG: config,
                        },
                    },
                    "encoding": {CONFIG: {"contentType": JSON}},
                }
            },
        }
        answer = builder.components.reference(self._bound.method.output, Side.OUT)
        operation["responses"] = {
            "200": {"description": "The answer.", "content": {JSON: {"schema": answer}}},
            **refusals({400, 401, 403, 409, 413, 415, 422, 429, 503, 504}),
        }
        return operation


def _shape_of(bound: Bound) -> Shape:
    configs = [field for field in bound.method.input.fields if field.message_type is not None]
    chunks = [field for field in bound.method.input.fields if field.message_type is None]
    if len(configs) != 1 or len(chunks) != 1 or chunks[0].type != FieldDescriptor.TYPE_BYTES:
        raise ValueError(f"{bound.method.path} cannot take an upload: one message, one bytes field")
    return Shape(configs[0], chunks[0])
