"""The OpenAPI 3.1 document of all routes, from what the protos declare and say."""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from crm_gateway.transcoding.components import Components, Document, Side
from crm_gateway.transcoding.exchange import KEY_PATTERN
from crm_gateway.transcoding.paths import Capture
from crm_gateway.transcoding.problems import MEDIA_TYPE
from crm_gateway.transcoding.routes import JSON, Bindings, Bound
from crm_gateway.transcoding.schema import Method, Schema, message_of

PROBLEM = "Problem"
RULES = "buf.validate.field"
_ALWAYS = (400, 401, 403, 404, 429, 503, 504)
_ABOUT = (
    "The customers of one company, and what happened with them. JSON is read strictly: unknown "
    "fields, fields that the system sets, nulls (but in a change, where they clear a field) and "
    "values of another type are refused with the place of each. Every error is a problem of "
    "RFC 9457."
)
_IF_MATCH = "The `etag` of the version that is to be changed."
_KEY = (
    "Makes repeating the call safe for 24 hours: the same key and body get the same answer, and "
    "one effect."
)


class OpenApi:
    """Builds the document, one operation after the other."""

    def __init__(self, bindings: Bindings) -> None:
        self._schema: Schema = bindings.schema
        self._ours = list(self._schema.messages())
        outgoing = [bound.method.output for bound in bindings.all]
        self.components = Components(self._schema, outgoing)
        self._paths: dict[str, Document] = {}
        self._tags: dict[str, str] = {}
        self._operations: set[str] = set()

    def add_unary(self, bound: Bound, is_first: bool) -> None:
        """Describe one binding of an RPC."""
        method, verb = bound.method, bound.binding.verb
        operation = self.declared(method, operation_id(bound, is_first))
        operation["parameters"] = self.parameters(bound)
        if bound.binding.body:
            operation["requestBody"] = self._request_body(bound)
        tagged = "etag" in method.output.fields_by_name
        answer = {
            "description": "The answer.",
            "content": {JSON: {"schema": self.components.reference(method.output, Side.OUT)}},
        }
        if tagged:
            answer["headers"] = {"ETag": {"$ref": "#/components/headers/ETag"}}
        operation["responses"] = {"200": answer, **self._refusals(bound)}
        if tagged and verb == "GET":
            operation["responses"]["304"] = {"description": "The caller has this version."}
        self.add(bound.template.document_path, verb, operation)

    def declared(self, method: Method, name: str) -> Document:
        """What an RPC says of itself: the beginning of its operation."""
        comment = self._schema.comment(method.descriptor)
        service = method.descriptor.containing_service
        tag = service.name.removesuffix("Service")
        self._tags[tag] = self._schema.comment(service)
        needs = f"Needs {method.permission} on `{method.collection}`."
        parts = [comment, needs, *self._filter_words(method)]
        return {
            "operationId": name,
            "tags": [tag],
            "summary": comment.split(". ")[0].removesuffix("."),
            "description": "\n\n".join(filter(None, parts)),
            "x-permission": {"collection": method.collection, "action": method.permission},
            "x-idempotency": method.idempotency,
        }

    def tag(self, name: str, words: str) -> None:
        """Say what the operations of a tag have in common."""
        self._tags[name] = words

    def add(self, path: str, verb: str, operation: Document) -> None:
        """Put an operation into the document.

        Raises:
            ValueError: there is one of that name.
        """
        name = operation["operationId"]
        if name in self._operations:
            raise ValueError(f"there are two operations called {name}")
        self._operations.add(name)
        self._paths.setdefault(path, {})[verb.lower()] = operation

    def document(self) -> Document:
        """All of it."""
        return {
            "openapi": "3.1.0",
            "info": {"title": "CRM", "version": "1", "description": _ABOUT},
            "servers": [{"url": "/"}],
            "security": [{"bearer": []}],
            "tags": [
                {"name": name, "description": words} for name, words in sorted(self._tags.items())
            ],
            "paths": dict(sorted(self._paths.items())),
            "components": {
                "schemas": {**dict(sorted(self.components.schemas.items())), **_PROBLEM_SCHEMAS},
                "headers": {"ETag": {"description": "The `etag`.", "schema": {"type": "string"}}},
                "responses": {
                    "Problem": _problem("Why it was refused."),
                    **{f"Problem{status}": _problem_response(status) for status in _STATUSES},
                },
                "securitySchemes": {
                    "bearer": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "An API key or an OIDC access token.",
                    },
                    "basic": {
                        "type": "http",
                        "scheme": "basic",
                        "description": "An API key as the password, for pages in a browser.",
                    },
                },
            },
        }

    def parameters(self, bound: Bound) -> list[Document]:
        """What a binding takes beside its body."""
        return [*self._segments(bound), *self._parameters(bound)]

    def _segments(self, bound: Bound) -> Iterator[Document]:
        for capture in bound.template.captures:
            field = _field_at(bound.method.input, capture.field)
            is_whole = field.json_name == capture.name
            words = f"The id in the name of the {capture.name}."
            yield {
                "name": capture.name,
                "in": "path",
                "required": True,
                "description": self._schema.comment(field) if is_whole else words,
                "schema": {"type": "string", "pattern": self._segment(bound, capture)},
            }

    def _segment(self, bound: Bound, capture: Capture) -> str:
        """The pattern of one segment, cut out of the one that its field declares."""
        rules = self._schema.option(_field_at(bound.method.input, capture.field), RULES)
        segments = rules.string.pattern.removeprefix("^").removesuffix("$").split("/")
        parts = bound.template.variables[capture.field]
        if len(segments) != len(parts):
            return "^[^/:]+$"
        return f"^{segments[parts.index(capture)]}$"

    def _parameters(self, bound: Bound) -> Iterator[Document]:
        for name, parameter in bound.binder.parameters.items():
            field = _field_at(bound.method.input, parameter.field)
            described = self.components.field(field, Side.INPUT)
            if name == "updateMask":
                resource = bound.method.input.fields_by_name[bound.binding.body]
                described |= self.components.mask(message_of(resource))
            yield {
                "name": name,
                "in": "query",
                "required": self.components.is_required(field),
                "description": described.pop("description", ""),
                "schema": described,
            }
        if bound.binder.tag_field is not None:
            yield _header("If-Match", _IF_MATCH, required=bound.binder.is_tag_needed)
        if bound.binding.verb == "GET" and "etag" in bound.method.output.fields_by_name:
            yield _header("If-None-Match", "An `etag`: 304 when it is still the same.")
        if bound.binding.verb == "POST" and bound.method.idempotency != "SAFE":
            yield idempotency_parameter()

    def _request_body(self, bound: Bound) -> Document:
        request, body = bound.method.input, bound.binding.body
        if body == "*":
            taken = {path[0] for path in bound.template.variables} - {"name"}
            schema = self.components.reference(request, Side.INPUT, taken)
            is_needed = any(
                self.components.is_required(field)
                for field in request.fields
                if (field.name,) not in bound.template.variables
            )
        else:
            side = Side.UPDATE if bound.binding.verb == "PATCH" else Side.INPUT
            schema = self.components.reference(message_of(request.fields_by_name[body]), side)
            is_needed = True
        return {"required": is_needed, "content": {JSON: {"schema": schema}}}

    def _refusals(self, bound: Bound) -> Document:
        statuses = set(_ALWAYS)
        if bound.binding.body:
            statuses |= {413, 415}
        if bound.binding.verb != "GET":
            statuses |= {409, 422}
        if bound.binder.tag_field is not None:
            statuses |= {412}
        if bound.binder.is_tag_needed:
            statuses |= {428}
        return refusals(statuses)

    def _filter_words(self, method: Method) -> Iterator[str]:
        """Which fields of what is listed may stand in a filter or an order."""
        listed = _listed(method)
        for parameter, option in (("filter", "filterable"), ("order_by", "sortable")):
            if listed is not None and parameter in method.input.fields_by_name:
                field = method.input.fields_by_name[parameter]
                paths = ", ".join(f"`{path}`" for path in self._paths_with(listed, option))
                yield f"Fields for `{field.json_name}`: {paths or 'none'}."

    def _paths_with(self, message: Descriptor, option: str, above: str = "") -> Iterator[str]:
        for field in message.fields:
            path = above + field.json_name
            if self._schema.option(field, f"crm.api.v1.{option}"):
                yield path
            elif field.message_type in self._ours and field.message_type is not message:
                yield from self._paths_with(field.message_type, option, f"{path}.")


def document_of(bindings: Bindings, others: Iterable[Any] = ()) -> Document:
    """The document of all unary RPCs, and of `others`, which describe themselves."""
    builder = OpenApi(bindings)
    named: set[str] = set()
    for bound in bindings.unary():
        builder.add_unary(bound, is_first=bound.method.path not in named)
        named.add(bound.method.path)
    for other in others:
        other.describe(builder)
    return builder.document()


def operation_id(bound: Bound, is_first: bool = True) -> str:
    """`getContact`; further bindings say for what: `listTimelineEntriesForOrganization`."""
    name = bound.method.name[0].lower() + bound.method.name[1:]
    captures = bound.template.captures
    if is_first or not captures:
        return name
    return f"{name}For{captures[-1].name[0].upper()}{captures[-1].name[1:]}"


def idempotency_parameter() -> Document:
    """The header that makes repeating a POST safe."""
    return _header("Idempotency-Key", _KEY, pattern=f"^{KEY_PATTERN}$")


def refusals(statuses: Iterable[int]) -> Document:
    """References to the problems that an operation may answer with."""
    return {
        str(status): {"$ref": f"#/components/responses/Problem{status}"}
        for status in sorted(statuses)
    }


def _header(name: str, words: str, *, required: bool = False, pattern: str = "") -> Document:
    schema: Document = {"type": "string"} | ({"pattern": pattern} if pattern else {"minLength": 1})
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": words,
        "schema": schema,
    }


def _field_at(message: Descriptor, path: Iterable[str]) -> FieldDescriptor:
    *above, last = path
    for name in above:
        message = message_of(message.fields_by_name[name])
    return message.fields_by_name[last]


def _listed(method: Method) -> Descriptor | None:
    """The type of what a list gives."""
    for field in method.output.fields:
        if field.is_repeated and field.message_type is not None:
            return field.message_type
    return None


def _problem(words: str) -> Document:
    return {
        "description": words,
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{PROBLEM}"}}},
    }


def _problem_response(status: int) -> Document:
    answer = _problem(HTTPStatus(status).phrase)
    if status in (429, 503):
        answer["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait.",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return answer


_STATUSES = (400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 429, 503, 504)
_PROBLEM_SCHEMAS: Mapping[str, Document] = {
    PROBLEM: {
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "required": ["type", "title", "status", "detail", "reason", "instance"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "A sentence for people."},
            "reason": {"type": "string", "description": "A stable word for programs."},
            "instance": {"type": "string", "description": "The request's id."},
            "errors": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/ProblemError"},
            },
        },
    },
    "ProblemError": {
        "type": "object",
        "description": "One thing that is wrong with a request.",
        "required": ["field", "in", "reason", "description"],
        "properties": {
            "field": {"type": "string", "description": "Where, such as `emails[0].address`."},
            "in": {"type": "string", "enum": ["body", "query", "path", "header"]},
            "reason": {"type": "string", "description": "A stable word for programs."},
            "description": {"type": "string", "description": "A sentence for people."},
        },
    },
}
