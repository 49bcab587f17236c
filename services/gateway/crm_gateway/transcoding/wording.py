"""Where the document has what a service found wrong: its paths begin at the RPC's request."""

import re
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from crm_gateway.transcoding.binding import tag_field
from crm_gateway.transcoding.faults import Place, join
from crm_gateway.transcoding.paths import FieldPath, Template, camel_case
from crm_gateway.transcoding.schema import Binding, Method, entry_of, is_map

_STEP = re.compile(r'\.?(?P<name>[^.\[\]"]+)|\[(?P<index>\d+)\]|\["(?P<key>(?:[^"\\]|\\.)*)"\]')


class Wording:
    """Words the paths of one binding: `contact.tags[0]` is `tags[0]` of the body."""

    def __init__(self, method: Method, binding: Binding, template: Template) -> None:
        self.is_shared = method.is_shared
        self._request = method.input
        self._body = binding.body
        self._tag = tag_field(method.input, binding)
        self._captures: dict[FieldPath, str] = {
            capture.field: capture.name for capture in template.captures
        }

    def place(self, path: str) -> tuple[str, Place]:
        """What the document calls a path of the RPC's request, and where HTTP has it."""
        steps = self._from_request(steps_of(path))
        names = tuple(step for step in steps if isinstance(step, str))
        if names in self._captures:
            return self._captures[names], "path"
        if names == self._tag and self._tag != ("etag",):
            return "If-Match", "header"
        worded = list(words_of(self._request, steps))
        if self._body and self._body != "*" and names[:1] == (self._body,):
            return join(worded[1:]), "body"
        if self._body == "*":
            return join(worded), "body"
        if names == self._tag:
            return "If-Match", "header"
        return join(worded), "query"

    def _from_request(self, steps: list[str | int]) -> list[str | int]:
        """The steps from the request on: what a command refuses it names from the resource on."""
        field = self._request.fields_by_name.get(self._body)
        if not steps or field is None or field.message_type is None:
            return steps
        first = steps[0]
        is_outer = first in self._request.fields_by_name
        if not is_outer and first in field.message_type.fields_by_name:
            return [self._body, *steps]
        return steps


def steps_of(path: str) -> list[str | int]:
    """The names, indexes and keys of a path, from the outermost."""
    steps: list[str | int] = []
    for step in _STEP.finditer(path):
        if step["index"]:
            steps.append(int(step["index"]))
        else:
            steps.append(step["name"] or step["key"].replace('\\"', '"').replace("\\\\", "\\"))
    return steps


def words_of(message: Descriptor | None, steps: list[str | int]) -> Iterator[str | int]:
    """The steps as JSON names them; keys of maps stay as they are."""
    field: FieldDescriptor | None = None
    is_key_next = False
    for step in steps:
        if isinstance(step, int) or is_key_next:
            is_key_next = False
            yield str(step) if field is not None and is_map(field) else step
            continue
        field = message.fields_by_name.get(step) if message else None
        is_key_next = field is not None and is_map(field)
        message = _message_below(field)
        yield field.json_name if field else camel_case(step)


def _message_below(field: FieldDescriptor | None) -> Descriptor | None:
    if field is None:
        return None
    if is_map(field):
        return entry_of(field)[1].message_type
    return field.message_type
