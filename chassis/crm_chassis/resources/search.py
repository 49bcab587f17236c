"""Finding resources by the beginnings of their words."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from crm_chassis.mongo.expansion import is_switched

if TYPE_CHECKING:
    from crm_chassis.resources.document import Resource

_WORDS = re.compile(r"[^\W_]+")
_LONGEST = 64
_MOST_WORDS = 200
# A telephone number, as people write it, and the fewest digits that are taken for one.
_NUMBER = re.compile(r"[+\d(][\d\s()./-]+")
_NO_DIGITS = re.compile(r"\D")
_SHORTEST = 5
# What is stored beside a resource, and is no part of it.
WORDS, TERMS = "words", "terms"


def words_of(document: "type[Resource]", row: Mapping[str, Any]) -> list[str]:
    """The words that a row is found by: those of its searchable fields, and each value whole.

    A word that begins another one is found with that, and left out: each costs room in the index.
    """
    words: dict[str, None] = {}
    values: set[str] = set()
    for path in document.searchable:
        for text in texts_at(path)(row):
            plain = fold(text)
            for word in _WORDS.findall(plain):
                words[word[:_LONGEST]] = None
            if " " not in plain:
                words[plain[:_LONGEST]] = None
                values.add(plain[:_LONGEST])
    found = list(words)[:_MOST_WORDS]
    begun = {word for word, following in pairwise(sorted(found)) if following.startswith(word)}
    return [word for word in found if word not in begun or word in values]


def terms_of(document: "type[Resource]", row: Mapping[str, Any]) -> list[str]:
    """The words of a row, and the ends of its telephone numbers after a code of 1 to 3 digits.

    So that one is found however people write it: `+41 79 123 45 67`, `079 123 45 67`.
    """
    numbers = [text for path in document.numbers for text in texts_at(path)(row)]
    digits = [_NO_DIGITS.sub("", number) for number in numbers]
    ends = [each[code:] for each in digits for code in (1, 2, 3) if len(each) >= code + _SHORTEST]
    return list(dict.fromkeys([*words_of(document, row), *ends]))


def set_words(document: "type[Resource]", row: dict[str, Any]) -> None:
    """Give a row, in place, what it is to be found by."""
    if not document.searchable:
        return
    fields = _fields(document)
    if WORDS in fields:
        row[WORDS] = words_of(document, row)
    else:
        row.pop(WORDS, None)
    if TERMS in fields:
        row[TERMS] = terms_of(document, row)


def words_condition(document: "type[Resource]", query: str) -> dict[str, Any]:
    """The MongoDB condition that each word of the query begins a word of the row.

    Or that the query is a telephone number, as people write it, and begins one of the row's.
    """
    parts = [part[:_LONGEST] for part in fold(query).split()]
    if not parts:
        return {"words": {"$in": []}}
    fields = _fields(document)
    condition = {"$and": [_begins(fields, part) for part in parts]}
    if document.numbers and _NUMBER.fullmatch(query.strip()):
        number = _NO_DIGITS.sub("", query.replace("(0)", "")).lstrip("0")
        if len(number) >= _SHORTEST:
            return {"$or": [condition, _begins(fields, number)]}
    return condition


def value_condition(document: "type[Resource]", values: Sequence[str]) -> dict[str, Any]:
    """The MongoDB condition that one of the values is a word of the row."""
    folded = [fold(value) for value in values]
    return _either([{field: {"$in": folded}} for field in _fields(document)])


def _fields(document: "type[Resource]") -> tuple[str, ...]:
    """Where the words of a resource are: in both places while they move from one to the other."""
    if not document.terms_since:
        return (WORDS,)
    return (TERMS,) if is_switched(document.terms_since) else (TERMS, WORDS)


def _begins(fields: Sequence[str], part: str) -> dict[str, Any]:
    return _either([{field: {"$regex": "^" + re.escape(part)}} for field in fields])


def _either(conditions: list[dict[str, Any]]) -> dict[str, Any]:
    return conditions[0] if len(conditions) == 1 else {"$or": conditions}


def fold(text: str) -> str:
    """The text without accents and case, as words are compared."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark)).casefold()


@cache
def texts_at(path: str) -> Callable[[Any], Iterable[str]]:
    """Gives what is at a path below a value: in each item of a list, under each key of a map."""
    step, _, rest = path.partition(".")
    below = texts_at(rest) if rest else _texts

    def find(value: Any) -> Iterable[str]:
        if isinstance(value, list):
            return [text for item in value for text in find(item)]
        found = value.get(step)
        return below(found) if found else ()

    return find


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str | int):
        return (str(value),)
    return value.values() if isinstance(value, dict) else value
