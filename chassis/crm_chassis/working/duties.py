"""Duties: work of a service's own that rows ask for, beside timers and operations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

LONGEST_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True)
class Duty:
    """Work that is there while a row of `collection` is `ready`.

    `once` does some of it and tells whether there was any, in a thread of its own; what it holds
    meanwhile `renew` keeps, every few seconds; `close` lets go of it at the end.
    """

    collection: str
    once: Callable[[], bool]
    renew: Callable[[], bool]
    close: Callable[[], None]


def pause_after_failures(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: each time twice as long."""
    return min(timedelta(seconds=2 ** min(failures - 1, 20)), LONGEST_PAUSE)
