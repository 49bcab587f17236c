"""Path templates of `google.api.http` (AIP-127): what is matched, shown, and put into fields."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Generic, TypeVar

from werkzeug.routing import BaseConverter, Map

_FIELD = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*"
_TOKEN = re.compile(
    rf"\{{(?P<field>{_FIELD})(?:=(?P<pattern>[^{{}}]+))?\}}|(?P<plain>[^{{}}/:]+)|(?P<slash>/)"
)
_LITERAL = re.compile(r"[A-Za-z0-9._~-]+")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_VERB = re.compile(r":(?P<verb>[a-z][A-Za-z]*)$")

Target = TypeVar("Target")
_ANY: Final = object()

FieldPath = tuple[str, ...]
Values = Mapping[str, str]


class MiddleSegment(BaseConverter):
    """One segment with others after it."""

    regex = "[^/]+"


class LastSegment(BaseConverter):
    """One segment at the end: a colon begins the verb."""

    regex = "[^/:]+"


class Segments(BaseConverter):
    """All that is left, several segments perhaps."""

    regex = "[^/:]+(?:/[^/:]+)*"
    part_isolating = False


CONVERTERS: Mapping[str, type[BaseConverter]] = {
    "middle": MiddleSegment,
    "last": LastSegment,
    "rest": Segments,
}


@dataclass(frozen=True, slots=True)
class Capture:
    """A segment that varies: what the document calls it, and the request's field that it fills."""

    name: str
    field: FieldPath
    many: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A path: literals and captures, perhaps a verb, and what each field is put together from."""

    parts: tuple[str | Capture, ...]
    verb: str
    variables: Mapping[FieldPath, tuple[str | Capture, ...]]

    @property
    def captures(self) -> tuple[Capture, ...]:
        return tuple(part for part in self.parts if isinstance(part, Capture))

    @property
    def rule(self) -> str:
        """The path as a Werkzeug rule."""
        last = len(self.parts) - 1
        words = [_rule_of(part, place == last) for place, part in enumerate(self.parts)]
        return "/" + "/".join(words) + self.verb

    @property
    def document_path(self) -> str:
        """The path as OpenAPI shows it."""
        words = [part if isinstance(part, str) else f"{{{part.name}}}" for part in self.parts]
        return "/" + "/".join(words) + self.verb

    @property
    def shape(self) -> str:
        """The path without the names of what varies: two of one shape cannot be told apart."""
        words = [part if isinstance(part, str) else "*" for part in self.parts]
        return "/" + "/".join(words) + self.verb

    def fill(self, request: dict[str, Any], values: Values) -> None:
        """Put the captured values where they belong in the request's fields."""
        for field, parts in self.variables.items():
            *above, last = field
            target = request
            for name in above:
                target = target.setdefault(name, {})
            target[last] = "/".join(
                [
                    part if isinstance(part, str) else _as_we_write(values[part.name])
                    for part in parts
                ]
            )


class PathIndex(Generic[Target]):
    """Finds the template of a path in as many steps as it has segments.

    Where it finds none, a map of Werkzeug still may: it knows what this leaves out (`**`, HEAD,
    verbs that are refused, paths beyond ASCII).
    """

    def __init__(self) -> None:
        self._root: dict[Any, Any] = {}

    def add(self, verb: str, template: Template, target: Target) -> None:
        """Let paths of the template lead to `target`."""
        if any(capture.many for capture in template.captures):
            return
        node = self._root
        for part in template.parts:
            node = node.setdefault(part if isinstance(part, str) else _ANY, {})
        names = [capture.name for capture in template.captures]
        node[template.verb, verb] = (target, names)

    def find(self, verb: str, path: str) -> tuple[Target, dict[str, str]] | None:
        """The target of a path, and the segments that vary by their names."""
        if not path.isascii():
            return None
        *above, last = path.split("/")
        last, colon, word = last.partition(":")
        node, values = self._root, []
        for segment in (*above[1:], last):
            below = node.get(segment)
            if below is None:
                below = node.get(_ANY)
                if below is None or not segment:
                    return None
                values.append(segment)
            node = below
        found = node.get((colon + word, verb))
        return (found[0], dict(zip(found[1], values, strict=True))) if found else None


def prepare_map(url_map: Map) -> None:
    """Let a map read our rules, and take a path as it is: doubled slashes lead nowhere."""
    url_map.converters.update(CONVERTERS)
    url_map.merge_slashes = False


def parse_template(template: str, name_of: Callable[[str], str]) -> Template:
    """Read a template such as `/v1/{name=contacts/*}:merge`.

    `name_of` gives what the document calls what follows a collection: `contact` after `contacts`.

    Raises:
        ValueError: it is none, or has what cannot be served.
    """
    verb = _VERB.search(template)
    path = template[: verb.start()] if verb else template
    parts: list[str | Capture] = []
    variables: dict[FieldPath, tuple[str | Capture, ...]] = {}
    if not path.startswith("/") or path.endswith("/"):
        raise ValueError(f"{template!r} does not begin with a slash, or ends with one")
    place = 0
    while place < len(path):
        token = _TOKEN.match(path, place)
        if token is None:
            raise ValueError(f"{template!r} cannot be read from {path[place:]!r} on")
        place = token.end()
        if token["field"]:
            found = _variable(token["field"], token["pattern"] or "*", name_of)
            variables[tuple(token["field"].split("."))] = found
            parts.extend(found)
        elif token["plain"]:
            parts.append(_literal(token["plain"]))
    read = Template(tuple(parts), verb[0] if verb else "", variables)
    _refuse_odd(template, read)
    return read


def names_of_segments(patterns: Sequence[str]) -> Callable[[str], str]:
    """What resource patterns such as `contacts/{contact}` call the segment after a collection."""
    known: dict[str, str] = {}
    for pattern in patterns:
        segments = pattern.split("/")
        for collection, variable in pairwise(segments):
            if variable.startswith("{"):
                known[collection] = camel_case(variable.strip("{}"))
    return lambda collection: known.get(collection, "")


def camel_case(name: str) -> str:
    """`api_key` as JSON writes it: `apiKey`."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def _variable(field: str, pattern: str, name_of: Callable[[str], str]) -> tuple[str | Capture, ...]:
    path = tuple(field.split("."))
    found: list[str | Capture] = []
    collection = ""
    for segment in pattern.split("/"):
        if segment in ("*", "**"):
            name = name_of(collection) or camel_case(path[-1])
            found.append(Capture(name, path, many=segment == "**"))
        else:
            found.append(_literal(segment))
        collection = segment
    return tuple(found)


def _as_we_write(segment: str) -> str:
    """A UUID in small letters, as it is written (RFC 9562, 4); anything else as it is."""
    return segment if segment.islower() or not _UUID.fullmatch(segment) else segment.lower()


def _literal(text: str) -> str:
    if not _LITERAL.fullmatch(text):
        raise ValueError(f"{text!r} cannot be a segment of a path")
    return text


def _rule_of(part: str | Capture, is_last: bool) -> str:
    if isinstance(part, str):
        return part
    if part.many:
        return f"<rest:{part.name}>"
    return f"<{'last' if is_last else 'middle'}:{part.name}>"


def _refuse_odd(template: str, read: Template) -> None:
    names = [capture.name for capture in read.captures]
    if len(names) != len(set(names)):
        raise ValueError(f"{template!r} captures two segments of one name")
    if any(capture.many for capture in read.captures) and not (
        isinstance(read.parts[-1], Capture) and read.parts[-1].many
    ):
        raise ValueError(f"{template!r} has ** before its end")
