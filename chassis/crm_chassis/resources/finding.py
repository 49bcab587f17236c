"""Finding resources of several kinds by words, for the search over all services."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crm_chassis.resources.document import Resource
from crm_chassis.resources.pages import Question, Sort, begin_after, next_token, token_values
from crm_chassis.resources.search import texts_at, words_condition
from crm_chassis.resources.translate import name_of
from crm_chassis.resources.visibility import condition
from crm_chassis.telemetry.context import current_call

Row = dict[str, Any]
MOST_IN_SNIPPET, LONGEST_SNIPPET = 3, 120
# By how they are called, and by id where several are called the same.
_ORDER = (Sort("title", 1), Sort("_id", 1))


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that was found: how people call it, and what it is known by in a line."""

    document: type[Resource]
    row: Row

    @property
    def name(self) -> str:
        """The resource name."""
        return name_of(self.row, self.document.collection())

    @property
    def title(self) -> str:
        """How people call it."""
        return str(self.row.get(self.document.title_field) or "")

    @property
    def snippet(self) -> str:
        """What it is known by, in a line."""
        texts = [
            text
            for path in self.document.snippet_fields
            for text in texts_at(path)(self.row)
            if text
        ]
        return ", ".join(texts[:MOST_IN_SNIPPET])[:LONGEST_SNIPPET]

    @property
    def place(self) -> tuple[str, str]:
        """Where it stands in the order."""
        return self.title, self.row["_id"]


def find_page(documents: Sequence[type[Resource]], question: Question) -> tuple[list[Found], str]:
    """What the caller may see of what is found by the words that the question is about.

    By title, with the token of the next page; that is empty at the end.

    Raises:
        Invalid: the page token is not valid.
    """
    values = token_values(question, len(_ORDER))
    principal = current_call().principal
    found = [
        Found(document, row)
        for document in documents
        if principal.level(document.collection(), "READ") is not None
        for row in _rows(document, question, values)
    ]
    found.sort(key=lambda each: each.place)
    page = found[: question.size]
    if len(found) <= question.size:
        return page, ""
    last = {"title": page[-1].title, "_id": page[-1].row["_id"]}
    return page, next_token(question, _ORDER, last)


def _rows(document: type[Resource], question: Question, values: list[Any] | None) -> list[Row]:
    order = (Sort(document.title_field, 1), _ORDER[1])
    parts = [
        words_condition(document, question.about),
        condition(document, current_call().principal),
    ]
    if not question.show_deleted:
        parts.append({"delete_time": None})
    if values is not None:
        parts.append(begin_after(order, values))
    shown = [document.title_field, *document.snippet_fields]
    found = document.rows().find({"$and": [part for part in parts if part]}, shown)
    return list(
        found.sort([(sort.stored, sort.direction) for sort in order]).limit(question.size + 1)
    )
