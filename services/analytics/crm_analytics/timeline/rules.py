"""Decisions about what a timeline tells of an event."""

from collections.abc import Mapping
from typing import Any

from crm_chassis.kernel.clock import rfc3339
from crm_chassis.kernel.ids import collection_of

# The resources that a person gives a line, and the field of their JSON that holds it.
SUMMARIES: Mapping[str, str] = {
    "interactions": "subject",
    "cases": "subject",
    "messages": "subject",
    "deals": "displayName",
    "campaigns": "displayName",
}


def summary(collection: str, data: Mapping[str, Any]) -> str:
    """What a person wrote of the resource, in a line; empty where nobody did."""
    field = SUMMARIES.get(collection)
    return str(data.get(field) or "") if field else ""


def entry_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the journal as an entry in proto3 JSON, the same as REST makes of the message."""
    return {
        "time": rfc3339(row["time"]),
        "type": row["type"],
        "subject": row["subject"],
        "summary": summary(collection_of(row["subject"]), row["data"]),
        "actor": row["actor"],
        "event": row["_id"],
    }
