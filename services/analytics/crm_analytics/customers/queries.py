"""The sections of a customer that follow from the journal, as JSON."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from crm_analytics.insights.queries import insights_now, insights_then
from crm_analytics.insights.rules import insights_json
from crm_analytics.timeline.queries import (
    DEFAULT_SIZE,
    TimelinePage,
    page_of,
    question_of,
    require_customer_at,
)
from crm_analytics.timeline.rules import entry_json
from crm_chassis.telemetry.context import current_call

SECTIONS = ("insights", "timeline")


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
    names = [name for name in SECTIONS if name in wanted or not wanted]
    shown = DEFAULT_SIZE if "timeline" in names else 1
    question = question_of(customer, page_size=shown, read_time=read_time)
    page = page_of(question, current_call().principal)
    as_of = page.rows[0]["time"] if page.rows else None
    data = {
        "insights": lambda: _insights(customer, read_time),
        "timeline": lambda: _timeline(page),
    }
    return {name: SectionOf(orjson.dumps(data[name]()), as_of) for name in names}


def _insights(customer: str, read_time: datetime | None) -> dict[str, Any]:
    principal = current_call().principal
    if read_time is None:
        return insights_json(insights_now(customer, principal))
    return insights_json(insights_then(customer, principal, read_time))


def _timeline(page: TimelinePage) -> dict[str, Any]:
    return {
        "entries": [entry_json(row) for row in page.rows],
        "nextPageToken": page.next_page_token,
    }
