"""The sections of a customer that follow from the journal, as JSON."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from crm_analytics.insights.queries import insights_now, insights_then, people_of
from crm_analytics.insights.rules import insights_json
from crm_analytics.journal.queries import tidings
from crm_analytics.parents.queries import Sight
from crm_analytics.timeline.queries import (
    DEFAULT_SIZE,
    TimelinePage,
    page_of,
    question_of,
    require_customer_at,
)
from crm_analytics.timeline.rules import entry_json
from crm_chassis.memory import exact
from crm_chassis.resources.kept import MOST_NAMES, Kept
from crm_chassis.telemetry.context import current_call

SECTIONS = ("insights", "timeline")


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a customer: each section in proto3 JSON, and what the caller saw for it.

    `as_of` is the moment that it speaks of; None where nothing happened.
    """

    sections: Mapping[str, bytes]
    as_of: datetime | None
    sight: Sight

    @property
    def size(self) -> int:
        """How many bytes it is."""
        return sum(map(len, self.sections.values()))


def sections_of(
    customer: str,
    wanted: Collection[str],
    read_time: datetime | None,
    *,
    show_deleted: bool = False,
) -> Told:
    """Those sections of the customer that this service tells; all of them when none is named.

    Raises:
        NotFound, Invalid: as in `require_customer_at`.
    """
    names = tuple(name for name in SECTIONS if name in wanted or not wanted)
    if read_time is not None:
        return _read(customer, names, read_time, show_deleted)
    question = (customer, names, show_deleted, current_call().principal)

    def told() -> Told:
        return _KEPT.answer(
            question,
            lambda: [customer, *people_of(customer, MOST_NAMES)],
            lambda: _read(customer, names, None, show_deleted),
        )

    found = told()
    if found.sight.still_holds():
        return found
    _KEPT.forget(question)
    return told()


def _read(
    customer: str, names: Collection[str], read_time: datetime | None, show_deleted: bool
) -> Told:
    require_customer_at(customer, read_time, show_deleted)
    sight = Sight(current_call().principal)
    shown = DEFAULT_SIZE if "timeline" in names else 1
    page = page_of(question_of(customer, page_size=shown, read_time=read_time), sight)
    data = {
        "insights": lambda: _insights(customer, read_time, sight),
        "timeline": lambda: _timeline(page),
    }
    sections = {name: exact(orjson.dumps(data[name]())) for name in names}
    return Told(sections, page.rows[0]["time"] if page.rows else None, sight)


def _insights(customer: str, read_time: datetime | None, sight: Sight) -> dict[str, Any]:
    if read_time is None:
        return insights_json(insights_now(customer, sight))
    return insights_json(insights_then(customer, sight, read_time))


def _timeline(page: TimelinePage) -> dict[str, Any]:
    return {
        "entries": [entry_json(row) for row in page.rows],
        "nextPageToken": page.next_page_token,
    }


_KEPT: Kept[Told] = Kept(tidings, lambda told: told.size)
