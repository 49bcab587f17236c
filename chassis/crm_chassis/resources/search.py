"""Finding resources by the beginnings of their words."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crm_chassis.resources.document import Resource

_WORDS = re.compile(r"[^\W_]+")
_LONGEST = 64
_MOST_WORDS = 200


def words_of(document: "type[Resource]", row: Mapping[str, Any]) -> list[str]:
    """The words that a row is found by: those of its searchable fields, and each value whole."""
    found: dict[str, None] = {}
    for path in document.searchable:
        for text in _texts(row, path):
            plain = fold(text)
            for word in _WORDS.findall(plain):
                found[word[:_LONGEST]] = None
            if " " not in plain:
                found[plain[:_LONGEST]] = None
    return list(found)[:_MOST_WORDS]


def words_condition(query: str) -> dict[str, Any]:
    """The MongoDB condition that each word of the query begins a word of the row."""
    parts = [part[:_LONGEST] for part in fold(query).split()]
    if not parts:
        return {"words": {"$in": []}}
    return {"$and": [{"words": {"$regex": "^" + re.escape(part)}} for part in parts]}


def fold(text: str) -> str:
    """The text without accents and case, as words are compared."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark)).casefold()


def _texts(row: Mapping[str, Any], path: str) -> list[str]:
    """What is at a path: in each item of a list, and under each key of a map at its end."""
    values: list[Any] = [row]
    for step in path.split("."):
        values = _listed(below for value in values if (below := value.get(step)))
    return _listed(list(value.values()) if isinstance(value, dict) else value for value in values)


def _listed(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if isinstance(value, list):
            found += value
        else:
            found.append(value)
    return found
