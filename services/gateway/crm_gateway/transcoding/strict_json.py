"""JSON as it is read here: no field twice in an object (RFC 8259, 4), and not too deep."""

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from crm_gateway.transcoding.faults import Fault, Malformed, Path, words

DEEPEST = 32
_BRACKETS = re.compile(rb"[\[{]")
_ENDS_OF_KEYS = re.compile(rb'"\s*:')


class _Pairs(list[tuple[str, Any]]):
    """An object as it is written, twins and all."""


def read_json(text: bytes, path: Path = None) -> Any:
    """What a text holds; `path` is where the text itself stands.

    Raises:
        Malformed: it is no JSON, tells a field twice, or is nested too deeply.
    """
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _refusal(path, "MALFORMED_JSON", f"is no JSON: {error.msg}") from None
    if len(_BRACKETS.findall(text)) > DEEPEST and _is_deeper(content, DEEPEST):
        raise _refusal(path, "TOO_DEEP", f"is nested deeper than {DEEPEST} levels")
    # In a string the same bytes may stand as well, so more of them need not be a twin.
    if len(_ENDS_OF_KEYS.findall(text)) > _count_keys(content):
        for twin in _twins(json.loads(text, object_pairs_hook=_Pairs), path):
            raise _refusal(twin, "DUPLICATE_FIELD", "is there more than once")
    return content


def _refusal(path: Path, reason: str, description: str) -> Malformed:
    return Malformed([Fault(words(path), "body", reason, description)])


def _is_deeper(content: Any, levels: int) -> bool:
    if type(content) is dict:
        return levels == 0 or any(_is_deeper(item, levels - 1) for item in content.values())
    if type(content) is list:
        return levels == 0 or any(_is_deeper(item, levels - 1) for item in content)
    return False


def _count_keys(content: Any) -> int:
    if type(content) is dict:
        return len(content) + sum(map(_count_keys, content.values()))
    if type(content) is list:
        return sum(map(_count_keys, content))
    return 0


def _twins(content: Any, path: Path) -> Iterator[Path]:
    """Where a field is that its object has told before."""
    if isinstance(content, _Pairs):
        seen = set()
        for key, item in content:
            if key in seen:
                yield path, key
            seen.add(key)
            yield from _twins(item, (path, key))
    elif isinstance(content, list):
        for place, item in enumerate(content):
            yield from _twins(item, (path, place))
