"""Routes: for each HTTP binding of an RPC what answers it, put together once from the schema."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf.message import Message
from werkzeug.datastructures import ETags
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.http import parse_etags
from werkzeug.wrappers import Request, Response

from crm_chassis.kernel.errors import NotFound
from crm_gateway.transcoding.binding import Binder
from crm_gateway.transcoding.codec.messages import Codec
from crm_gateway.transcoding.codec.scalars import Encode
from crm_gateway.transcoding.exchange import Authenticate, Exchange
from crm_gateway.transcoding.paths import Template, Values, names_of_segments, parse_template
from crm_gateway.transcoding.problems import Problem, problem_of
from crm_gateway.transcoding.schema import Binding, MessageClass, Method, Schema
from crm_gateway.transcoding.upstream import Answer, Upstreams
from crm_gateway.transcoding.wording import Wording

JSON = "application/json"

ServiceOf = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Bound:
    """A method as one of its bindings reaches it."""

    method: Method
    binding: Binding
    template: Template
    binder: Binder
    wording: Wording
    request_class: MessageClass
    service_of: ServiceOf


class Route:
    """Answers one binding of a unary method."""

    def __init__(
        self, bound: Bound, encode: Encode, upstreams: Upstreams, authenticate: Authenticate
    ) -> None:
        self.bound = bound
        self._encode = encode
        self._upstreams = upstreams
        self._authenticate = authenticate
        self._has_tag = "etag" in bound.method.output.fields_by_name
        self._has_body = bool(bound.binding.body)

    def answer(self, exchange: Exchange, values: Values) -> Response:
        """The response to a request; what is refused is a problem."""
        token = self._authenticate(exchange.request)
        fields, request = read(self.bound, exchange.request, values)
        metadata = exchange.metadata(token)
        service = self.bound.service_of(fields)
        answer = self._upstreams.ask(service, self.bound.method, request, metadata)
        return self._response(exchange.request, answer)

    def problem(self, error: Exception) -> Problem:
        """What the caller is told of an error, in the words of this route."""
        return problem_of(error, self.bound.wording)

    def _response(self, request: Request, answer: Answer) -> Response:
        message: Any = answer.message
        headers = [("Content-Type", JSON), ("Cache-Control", "private, no-cache")]
        if self._has_tag and message.etag:
            headers.append(("ETag", message.etag))
            if request.method in ("GET", "HEAD") and names_tag(request, message.etag):
                return Response(status=304, headers=headers[1:])
        if answer.trailing.get("idempotent-replayed") == "true":
            headers.append(("Idempotent-Replayed", "true"))
        return Response(orjson.dumps(self._encode(message)), headers=headers)


def read(bound: Bound, request: Request, values: Values) -> tuple[dict[str, Any], Message]:
    """The RPC's request that an HTTP request means, as its fields and as a message.

    Raises:
        Malformed: it means none.
    """
    body = body_of(request) if bound.binding.body else None
    query = request.args if request.query_string else None
    fields = bound.binder.read(values, query, body, request.environ.get("HTTP_IF_MATCH"))
    return fields, bound.request_class(**fields)


def body_of(request: Request) -> bytes:
    """The JSON that came with a request.

    Raises:
        UnsupportedMediaType: it is something else.
        RequestEntityTooLarge: it is larger than what is taken.
    """
    body = request.get_data(cache=False)
    # Of a body whose length nobody told no more was read than what is taken.
    if len(body) == request.max_content_length and request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge
    if body and request.mimetype != JSON:
        raise UnsupportedMediaType
    return body


def names_tag(request: Request, tag: str) -> bool:
    """Whether If-None-Match names the tag, so that the caller has the answer already."""
    named = request.environ.get("HTTP_IF_NONE_MATCH")
    if not named:
        return False
    known: ETags = parse_etags(named)
    return known.contains_weak(tag.removeprefix("W/").strip('"'))


class Bindings:
    """Every binding of the schema's methods, ready to be served."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.codec = Codec(schema)
        patterns = [
            pattern
            for message in schema.messages()
            for pattern in schema.option(message, "google.api.resource").pattern
        ]
        self._name_of = names_of_segments(patterns)
        self.all = [
            self._bound(method, binding) for method in schema.methods for binding in method.bindings
        ]
        _refuse_twins(self.all)

    def unary(self) -> Iterator[Bound]:
        for bound in self.all:
            if not bound.method.streams_in and not bound.method.streams_out:
                yield bound

    def streaming(self) -> Iterator[Bound]:
        for bound in self.all:
            if bound.method.streams_in or bound.method.streams_out:
                yield bound

    def _bound(self, method: Method, binding: Binding) -> Bound:
        template = parse_template(binding.template, self._name_of)
        return Bound(
            method=method,
            binding=binding,
            template=template,
            binder=Binder(self.codec, method, binding, template),
            wording=Wording(method, binding, template),
            request_class=self.schema.message_class(method.input),
            service_of=service_of(method),
        )


def service_of(method: Method) -> ServiceOf:
    """Tells which service answers: the owner, or, where all have the method, the one named."""
    if not method.is_shared:
        owner = method.package.split(".")[1].replace("_", "-")
        return lambda fields: owner
    if "service" in method.input.fields_by_name:
        return lambda fields: str(fields["service"])
    return lambda fields: _service_in(str(fields["name"]))


def _service_in(name: str) -> str:
    """`contacts` of `operations/contacts.0190...`."""
    service, dot, _ = name.rpartition("/")[2].partition(".")
    if not dot:
        raise NotFound(f"There is no {name}.")
    return service


def _refuse_twins(bound: list[Bound]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for one in bound:
        place = (one.binding.verb, one.template.shape)
        if place in seen:
            raise ValueError(f"{one.method.path} and {seen[place]} have the same route {place}")
        seen[place] = one.method.path
