"""Decisions about consents: plain values in, plain values out."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from crm_chassis.kernel.errors import Flaw, Invalid

CLOCKS_DIFFER = timedelta(minutes=5)


def is_newest(capture_time: datetime, others: Sequence[datetime]) -> bool:
    """Whether what was said then takes the place of all that was said at the other times.

    Of two things said at one moment the one that was told of last counts.
    """
    return all(capture_time >= other for other in others)


def refuse_future_capture(capture_time: datetime, now: datetime) -> None:
    """Nobody has said anything yet at a time that lies ahead.

    Raises:
        Invalid: it lies ahead by more than clocks differ.
    """
    if capture_time > now + CLOCKS_DIFFER:
        flaw = Flaw("capture_time", "IN_THE_FUTURE", "has not been yet")
        raise Invalid("A consent cannot be captured in the future.", flaw)
