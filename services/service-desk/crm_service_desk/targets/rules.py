"""Decisions about targets: plain values in, plain values out."""

from collections.abc import Mapping
from datetime import datetime, timedelta

FIRST_RESPONSE, RESOLUTION = TARGETS = ("first-response", "resolution")
RUNNING, MET, BREACHED = "RUNNING", "MET", "BREACHED"
# How much time there is from the making of a case on, by its priority.
TIMES: Mapping[str, Mapping[str, timedelta]] = {
    FIRST_RESPONSE: {
        "URGENT": timedelta(hours=1),
        "HIGH": timedelta(hours=4),
        "NORMAL": timedelta(hours=8),
        "LOW": timedelta(days=1),
    },
    RESOLUTION: {
        "URGENT": timedelta(hours=4),
        "HIGH": timedelta(days=1),
        "NORMAL": timedelta(days=3),
        "LOW": timedelta(days=7),
    },
}


def field_of(target: str) -> str:
    """What the names of a case's fields about the target begin with."""
    return target.replace("-", "_")


def due_time(target: str, priority: str, since: datetime) -> datetime:
    """When a case of that priority has to have reached the target."""
    return since + TIMES[target][priority]


def is_overdue(outcome: str | None, due: datetime, moment: datetime) -> bool:
    """Whether a target's time has run out without anybody having said so."""
    return outcome == RUNNING and due <= moment


def outcome_when_reopened(due: datetime, moment: datetime) -> str:
    """What becomes of a target that was reached, or given up, and is asked for again."""
    return RUNNING if due > moment else BREACHED
