"""Finding resources by the beginnings of their words."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crm_chassis.resources.document import Resource

_WORDS = re.compile(r"[^\W_]+")
_LONGEST = 64
_MOST_WORDS = 200


def words_of(document: "type[Resource]", row: Mapping[str, Any]) -> list[str]:
    """The words that a row is found by: those of its searchable fields, and each value whole.

    A word that begins another one is found with that, and left out: each costs room in the index.
    """
    words: dict[str, None] = {}
    values: set[str] = set()
    for path in document.searchable:
        for text in _texts_at(path)(row):
            plain = fold(text)
            for word in _WORDS.findall(plain):
                words[word[:_LONGEST]] = None
            if " " not in plain:
                words[plain[:_LONGEST]] = None
                values.add(plain[:_LONGEST])
    found = list(words)[:_MOST_WORDS]
    begun = {word for word, following in pairwise(sorted(found)) if following.startswith(word)}
    return [word for word in found if word not in begun or word in values]


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


@cache
def _texts_at(path: str) -> Callable[[Any], Iterable[str]]:
    """Gives what is at a path below a value: in each item of a list, under each key of a map."""
    step, _, rest = path.partition(".")
    below = _texts_at(rest) if rest else _texts

    def find(value: Any) -> Iterable[str]:
        if isinstance(value, list):
            return [text for item in value for text in find(item)]
        found = value.get(step)
        return below(found) if found else ()

    return find


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    return value.values() if isinstance(value, dict) else value
