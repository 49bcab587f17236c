"""What the doctor found of one part: how it stands, since when, and what there is to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from crm_gateway.crmctl.terminal import say
from crm_gateway.ops.rules import spell
from crm_gateway.ops.runbooks import action_for, path_of

# Where to read on when no runbook is about it.
MANUAL = "docs/operations.md"
_WORDS = {True: "ok  ", False: "FAIL", None: "?   "}


@dataclass(frozen=True, slots=True)
class Finding:
    """How one part stands; `is_well` is None where nobody can tell.

    What is not well has `since`, in words, a command to begin with, and a page to read on.
    """

    is_well: bool | None
    part: str
    words: str
    since: str = ""
    action: str = ""
    page: str = ""


def well(part: str, words: str) -> Finding:
    """A part that is as it should be."""
    return Finding(True, part, words)


def ill(part: str, words: str, runbook: str, subject: str = "", since: str = "") -> Finding:
    """A part that is not; what to do follows from its runbook."""
    return Finding(
        False, part, words, since or NOT_KNOWN, action_for(runbook, subject), path_of(runbook)
    )


def refused(part: str, words: str, action: str) -> Finding:
    """A part that could not be looked at."""
    return Finding(False, part, words, NOT_KNOWN, action, MANUAL)


NOT_KNOWN = "since when is not known"


def since(moment: datetime | None, *, is_seen: bool = False) -> str:
    """Since when, and how long that is; `is_seen` where it may have begun before."""
    if moment is None:
        return NOT_KNOWN
    length = spell((datetime.now(UTC) - moment).total_seconds())
    begun = "seen since" if is_seen else "since"
    return f"{begun} {moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {length}"


def moment_of(text: str | None) -> datetime | None:
    """An instant of the API."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def first_of(event_ids: Iterable[str]) -> datetime | None:
    """When the first of some events happened: their ids begin with the time (RFC 9562, 5.7)."""
    moments = [moment for one in event_ids if (moment := _made(one)) is not None]
    return min(moments, default=None)


def show(finding: Finding) -> None:
    """A line of what there is to know; what is not well gets some more."""
    say(f"{_WORDS[finding.is_well]}  {finding.part}: {finding.words}")
    if finding.is_well is False:
        say(f"      {finding.since}")
        say(f"      do: {finding.action}")
        say(f"      see: {finding.page}")


def _made(event_id: str) -> datetime | None:
    try:
        known = UUID(event_id)
    except ValueError:
        return None
    return datetime.fromtimestamp((known.int >> 80) / 1000, UTC) if known.version == 7 else None
