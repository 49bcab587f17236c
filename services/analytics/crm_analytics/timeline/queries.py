"""Reads of timelines: the journal by customer, newest first, as far as the caller sees it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from crm.analytics.v1 import timeline_pb2

from crm_analytics.journal.documents import journal
from crm_analytics.parents.queries import Sight, may_read, require_customer
from crm_analytics.timeline.rules import SUMMARIES
from crm_chassis.kernel.errors import NotFound
from crm_chassis.kernel.ids import collection_of
from crm_chassis.resources.filters import compile_filter
from crm_chassis.resources.pages import Question, Sort, next_token, token_values
from crm_chassis.resources.past import refuse_future
from crm_chassis.telemetry.context import current_call

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

DEFAULT_SIZE = 100
# Once a page has met entries that may not be seen, more is read at a time.
LARGEST_STEP = 1_000
Row = dict[str, Any]
_ORDER = (Sort("time", -1), Sort("_id", -1))
_ENTRY = cast("Descriptor", timeline_pb2.TimelineEntry.DESCRIPTOR)
_TOLD = ("time", "type", "subject", "actor", "parent")
_SHOWN = dict.fromkeys([*_TOLD, *(f"data.{field}" for field in set(SUMMARIES.values()))], 1)


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Rows of the journal, newest first, and the token of the next page; empty at the end."""

    rows: Sequence[Row]
    next_page_token: str


def question_of(customer: str, *, page_size: int = 0, **asked: Any) -> Question:
    """What a page of a customer's timeline is asked by; `asked` are a question's other fields."""
    size = page_size or DEFAULT_SIZE
    return Question(page_size=size, container=customer, about="timeline", **asked)


def timeline_page(question: Question) -> TimelinePage:
    """A page of the events that concern the customer and whose parents the caller may see.

    Raises:
        NotFound: as in `require_customer_at`.
        Invalid: filter, page token or read time are not valid.
    """
    require_customer_at(question.container, question.read_time, question.show_deleted)
    return page_of(question, Sight(current_call().principal))


def require_customer_at(
    customer: str, read_time: datetime | None, show_deleted: bool = False
) -> None:
    """Do nothing when the caller may see the customer, and it stands, or stood at the moment.

    Raises:
        NotFound: it does not, or was deleted, but for `show_deleted`.
        Invalid: the moment lies ahead.
    """
    principal = current_call().principal
    if read_time is None:
        require_customer(customer, principal, show_deleted)
        return
    refuse_future(read_time)
    require_customer(customer, principal, show_deleted=True)
    stood = journal().find_one(
        {"subject": customer, "time": {"$lte": read_time}},
        {"data.deleteTime": 1},
        sort=[("sequence", -1)],
    )
    if stood is None or ("deleteTime" in stood["data"] and not show_deleted):
        raise NotFound(f"There was no {customer} then.")


def page_of(question: Question, sight: Sight) -> TimelinePage:
    """A page of what is seen, for a customer that was found to be visible.

    What turns out to be hidden is left out of what is read next, so that a customer with thousands
    of hidden entries costs a few steps, not one for each page of them.

    Raises:
        Invalid: filter or page token are not valid.
    """
    wanted = _wanted(question)
    after = token_values(question, len(_ORDER))
    hidden = Hidden(sight)
    seen: list[Row] = []
    step = question.size + 1
    while len(seen) <= question.size:
        rows = _read(wanted, after, hidden, step)
        seen += hidden.without(rows)
        if len(rows) < step:
            break
        after = [rows[-1]["time"], rows[-1]["_id"]]
        step = LARGEST_STEP
    shown = seen[: question.size]
    more = len(seen) > question.size
    return TimelinePage(shown, next_token(question, _ORDER, shown[-1]) if more else "")


class Hidden:
    """What of a timeline is not seen, as far as it was met."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self._parents: set[str] = set()
        self._collections: set[str] = set()

    def without(self, rows: Sequence[Row]) -> list[Row]:
        """The rows that may be seen: of collections that may be read, and of visible parents."""
        readable = [row for row in rows if self._is_readable(collection_of(row["subject"]))]
        parents = self._sight.hides({row["parent"] for row in readable})
        self._parents |= parents
        return [row for row in readable if row["parent"] not in parents]

    def conditions(self) -> Iterator[Row]:
        """What leaves out what was met."""
        if self._parents:
            yield {"parent": {"$nin": sorted(self._parents)}}
        for collection in sorted(self._collections):
            yield {"subject": {"$not": re.compile(f"(^|/){collection}/[^/]+$")}}

    def _is_readable(self, collection: str) -> bool:
        if may_read(self._sight.principal, collection):
            return True
        self._collections.add(collection)
        return False


def _wanted(question: Question) -> list[Row]:
    parts: list[Row] = [{"customers": question.container}]
    if question.read_time is not None:
        parts.append({"time": {"$lte": question.read_time}})
    condition = compile_filter(_ENTRY, question.filter)
    return [*parts, condition] if condition else parts


def _read(wanted: list[Row], after: list[Any] | None, hidden: Hidden, limit: int) -> list[Row]:
    parts = [*wanted, *hidden.conditions()]
    if after is not None:
        time, event = after
        # The first bounds the index; the second tells apart what happened in one millisecond.
        parts.append({"time": {"$lte": time}})
        parts.append({"$or": [{"time": {"$lt": time}}, {"_id": {"$lt": event}}]})
    found = journal().find({"$and": parts}, _SHOWN)
    return list(found.sort([(sort.stored, sort.direction) for sort in _ORDER]).limit(limit))
