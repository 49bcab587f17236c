"""The sections of a customer that follow from the journal, as JSON."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from crm_analytics.insights.queries import insights_now, insights_then
from crm_analytics.insights.rules import insights_json
from crm_analytics.timeline.queries import newest_time, page_of, question_of, require_customer_at
from crm_analytics.timeline.rules import entry_json
from crm_chassis.telemetry.context import current_call


@dataclass(frozen=True, slots=True)
class SectionOf:
    """A section's data in proto3 JSON, and the moment it speaks of; None where nothing happened."""

    data: bytes
    as_of: datetime | None


def sections_of(
    customer: str, wanted: Collection[str], read_time: datetime | None
) -> dict[str, SectionOf]:
    """Those sections of the customer that this service tells; all of them when none is named.

    Raises:
        NotFound: the customer is not known, was deleted, or may not be seen; with a read time,
            it was not there then.
        Invalid: the read time lies ahead.
    """
    require_customer_at(customer, read_time)
    names = [name for name in _SECTIONS if name in wanted or not wanted]
    return {name: _SECTIONS[name](customer, read_time) for name in names}


def _insights(customer: str, read_time: datetime | None) -> SectionOf:
    principal = current_call().principal
    found = (
        insights_now(customer, principal)
        if read_time is None
        else insights_then(customer, principal, read_time)
    )
    return SectionOf(orjson.dumps(insights_json(found)), newest_time(customer, read_time))


def _timeline(customer: str, read_time: datetime | None) -> SectionOf:
    page = page_of(question_of(customer, read_time=read_time), current_call().principal)
    data: dict[str, Any] = {
        "entries": [entry_json(row) for row in page.rows],
        "nextPageToken": page.next_page_token,
    }
    return SectionOf(orjson.dumps(data), page.rows[0]["time"] if page.rows else None)


_SECTIONS: Mapping[str, Callable[[str, datetime | None], SectionOf]] = {
    "insights": _insights,
    "timeline": _timeline,
}
