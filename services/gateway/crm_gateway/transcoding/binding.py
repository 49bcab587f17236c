"""From an HTTP request to the fields of an RPC's request: path, query, headers, body."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from werkzeug.datastructures import MultiDict

from crm_chassis.kernel.errors import MissingPrecondition
from crm_gateway.transcoding.codec.messages import PASSED_OVER, Codec, Entry, object_decoder
from crm_gateway.transcoding.codec.scalars import Decode, Encode, decode_string, json_of_text
from crm_gateway.transcoding.codec.well_known import decoder_of
from crm_gateway.transcoding.faults import Fault, Flaws, Malformed
from crm_gateway.transcoding.paths import FieldPath, Template, Values
from crm_gateway.transcoding.schema import Binding, Method, is_map
from crm_gateway.transcoding.strict_json import read_json

_CONDITIONAL = ("PATCH", "PUT", "DELETE")


class Parameter(NamedTuple):
    """One query parameter: the field it fills and how its text is read."""

    field: FieldPath
    is_list: bool
    json_of: Encode
    decode: Decode


class Binder:
    """Reads requests of one binding of a method. Compiled once, used by many threads."""

    def __init__(self, codec: Codec, method: Method, binding: Binding, template: Template) -> None:
        self._template = template
        self._verb = binding.verb
        self.tag_field = tag_field(method.input, binding)
        self.is_tag_needed = self.tag_field is not None and binding.verb in _CONDITIONAL
        self.parameters = dict(_parameters(codec, method.input, binding, template, self.tag_field))
        self._has_mask = "updateMask" in self.parameters
        self.body = binding.body
        self._entries = _body_entries(codec, method.input, binding, template)
        self._decode_body = object_decoder(self._entries)
        _check_paths(method, template)

    def read(
        self, values: Values, query: MultiDict[str, str] | None, body: bytes | None, tag: str | None
    ) -> dict[str, Any]:
        """The request's fields, as arguments for its class. `tag` is what If-Match names.

        Raises:
            Malformed: the request is not what the document describes; each fault is named.
            MissingPrecondition: the change needs a tag, and there is none.
        """
        if self.is_tag_needed and not tag:
            raise MissingPrecondition("This needs If-Match with the tag of the version you know.")
        faults: list[Fault] = []
        fields: dict[str, Any] = {}
        mask: list[str] = []
        if self.body:
            mask = self._read_body(body, fields, faults)
        if query:
            self._read_query(query, fields, faults)
        if faults:
            raise Malformed(faults)
        self._template.fill(fields, values)
        if tag and self.tag_field:
            _put(fields, self.tag_field, tag)
        if self._has_mask and "update_mask" not in fields:
            fields["update_mask"] = {"paths": mask}
        return fields

    def _read_body(
        self, body: bytes | None, fields: dict[str, Any], faults: list[Fault]
    ) -> list[str]:
        """Decode the body into `fields`; the names of those it has, or clears with a null."""
        flaws = Flaws("body")
        if not body and self.body != "*":
            raise Malformed([Fault("", "body", "MISSING_BODY", "there is no body")])
        content = read_json(body) if body else {}
        cleared: list[str] = []
        if self._verb == "PATCH" and type(content) is dict:
            content, cleared = self._without_cleared(content, flaws)
        read = self._decode_body(content, None, flaws)
        faults.extend(flaws.found)
        if read is None:
            return []
        if self.body == "*":
            fields.update(read)
        else:
            fields[self.body] = read
        return [*read, *cleared]

    def _without_cleared(
        self, content: dict[str, Any], flaws: Flaws
    ) -> tuple[dict[str, Any], list[str]]:
        """In a PATCH a null clears a field that may be written."""
        cleared = []
        for key in [key for key, item in content.items() if item is None]:
            entry = self._entries.get(key)
            if entry is not None and entry.is_kept:
                cleared.append(entry.name)
            elif entry is not None and entry.name in PASSED_OVER:
                continue
            else:
                reason = "OUTPUT_ONLY" if entry else "UNKNOWN_FIELD"
                flaws.add((None, key), reason, "is no field that can be cleared")
        return {key: item for key, item in content.items() if item is not None}, cleared

    def _read_query(
        self, query: MultiDict[str, str], fields: dict[str, Any], faults: list[Fault]
    ) -> None:
        flaws = Flaws("query")
        for name, texts in query.lists():
            parameter = self.parameters.get(name)
            if parameter is None:
                flaws.add((None, name), "UNKNOWN_PARAMETER", "there is no such parameter")
            elif parameter.is_list:
                found = [self._value(parameter, text, (None, name), flaws) for text in texts]
                _put(fields, parameter.field, found)
            elif len(texts) > 1:
                flaws.add((None, name), "MORE_THAN_ONE", "is given more than once")
            else:
                _put(fields, parameter.field, self._value(parameter, texts[0], (None, name), flaws))
        faults.extend(flaws.found)

    @staticmethod
    def _value(parameter: Parameter, text: str, path: Any, flaws: Flaws) -> Any:
        return parameter.decode(parameter.json_of(text), path, flaws)


def tag_field(request: Descriptor, binding: Binding) -> FieldPath | None:
    """The field that If-Match fills: in a change the resource's `etag`, else the request's own."""
    if binding.verb in ("PATCH", "PUT") and binding.body in request.fields_by_name:
        resource = request.fields_by_name[binding.body].message_type
        if resource is not None and "etag" in resource.fields_by_name:
            return (binding.body, "etag")
    return ("etag",) if "etag" in request.fields_by_name else None


def _body_entries(
    codec: Codec, request: Descriptor, binding: Binding, template: Template
) -> Mapping[str, Entry]:
    """What the body may have at its top."""
    if not binding.body:
        return {}
    if binding.body != "*":
        field = request.fields_by_name.get(binding.body)
        if field is None or field.message_type is None or field.is_repeated:
            raise ValueError(f"{binding.template}: {binding.body!r} cannot be a body")
        return codec.entries(field.message_type)
    bound = {path[0] for path in template.variables}
    entries = codec.entries(request)
    kept = {key: entry for key, entry in entries.items() if entry.name not in bound}
    if "name" in bound:
        kept["name"] = Entry("name", decode_string, is_kept=False)
    return kept


def _parameters(
    codec: Codec,
    request: Descriptor,
    binding: Binding,
    template: Template,
    tag: FieldPath | None,
) -> Iterator[tuple[str, Parameter]]:
    """Every field that neither path, header nor body fills, by the parameter's name."""
    if binding.body == "*":
        return
    taken = {path[0] for path in template.variables if len(path) == 1} | {binding.body}
    if tag is not None and len(tag) == 1:
        taken.add(tag[0])
    resource = request.fields_by_name[binding.body].message_type if binding.body else None
    for field in request.fields:
        if field.name in taken:
            continue
        if not _fits_parameter(field):
            raise ValueError(f"{field.full_name} cannot be a query parameter")
        decode = codec.field_decoder(field)
        if field.name == "update_mask" and resource is not None:
            decode = _mask_decoder(decode, codec.entries(resource), resource)
        elif field.is_repeated:
            decode = codec.value_decoder(field)
        yield (
            field.json_name,
            Parameter((field.name,), field.is_repeated, json_of_text(field), decode),
        )


def _fits_parameter(field: FieldDescriptor) -> bool:
    """Whether a text can say all of the field."""
    if is_map(field):
        return False
    return field.message_type is None or decoder_of(field.message_type) is not None


def _mask_decoder(decode: Decode, entries: Mapping[str, Entry], resource: Descriptor) -> Decode:
    """A mask's paths are fields that may be written, or keys of their maps."""
    writable = {entry.name for entry in entries.values() if entry.is_kept}
    maps = {field.name for field in resource.fields if is_map(field)}

    def decode_mask(value: Any, path: Any, flaws: Flaws) -> Any:
        mask = decode(value, path, flaws)
        for part in mask["paths"] if mask else ():
            field, dot, _ = part.partition(".")
            if field not in writable or (dot and field not in maps):
                known = field in resource.fields_by_name and not dot
                reason = "OUTPUT_ONLY" if known else "UNKNOWN_FIELD"
                flaws.add(path, reason, f"{part} is no field that can be changed")
        return mask

    return decode_mask


def _check_paths(method: Method, template: Template) -> None:
    """Fail at the start rather than at the first request."""
    for path in template.variables:
        message: Descriptor | None = method.input
        field: FieldDescriptor | None = None
        for name in path:
            field = message.fields_by_name.get(name) if message else None
            message = field.message_type if field else None
        if field is None or field.is_repeated or field.cpp_type != FieldDescriptor.CPPTYPE_STRING:
            raise ValueError(f"{method.path}: {'.'.join(path)} cannot stand in a path")


def _put(fields: dict[str, Any], path: FieldPath, value: Any) -> None:
    *above, last = path
    for name in above:
        fields = fields.setdefault(name, {})
    fields[last] = value
