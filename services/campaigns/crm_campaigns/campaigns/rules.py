"""Decisions about campaigns: plain values in, plain values out."""

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from liquid import BoundTemplate, Environment
from liquid.exceptions import (
    LiquidError,
    LiquidSyntaxError,
    TemplateNotFoundError,
    UnknownFilterError,
)

from crm_chassis.kernel.errors import Flaw, Invalid, NotAllowed, refuse_flaws

DRAFT, SCHEDULED, SENDING = "DRAFT", "SCHEDULED", "SENDING"
PAUSED, SENT, CANCELLED = "PAUSED", "SENT", "CANCELLED"
STATS = ("recipients", "sent", "suppressed", "failed", "unknown", "unsubscribed")

SENDABLE = frozenset({DRAFT, SCHEDULED, PAUSED})
PAUSABLE = frozenset({SCHEDULED, SENDING})
ENDABLE = frozenset({DRAFT, SCHEDULED, SENDING, PAUSED})
DELETABLE = frozenset({DRAFT, PAUSED, SENT, CANCELLED})

CONTENT = frozenset({"subject", "body"})
# To whom it goes, and in whose name: the same for all of them.
ADDRESSING = frozenset({"audience", "from_address", "purpose"})
# What a template may do, however it was meant.
LOOPS, OUTPUT, VARIABLES = 10_000, 1_000_000, 100_000


class _Liquid(Environment):
    """Liquid as campaigns allow it: bounded, and without files to include."""

    loop_iteration_limit = LOOPS
    output_stream_limit = OUTPUT
    local_namespace_limit = VARIABLES


_LIQUID = _Liquid()


def template_of(text: str) -> BoundTemplate:
    """The template that a text is.

    Raises:
        LiquidError: it is none.
    """
    return _LIQUID.from_string(text)


def refuse_bad_templates(texts: Mapping[str, str]) -> None:
    """The texts, by the fields that they stand in, are templates that can be filled in.

    Raises:
        Invalid: one does not parse, or uses a filter or tag that there is not.
    """
    refuse_flaws(_flaws(texts))


def _flaws(texts: Mapping[str, str]) -> Iterator[Flaw]:
    for field, text in texts.items():
        error = _error_in(text)
        if error is not None:
            said = str(error).splitlines()[0][:200]
            yield Flaw(field, "INVALID_TEMPLATE", f"is no Liquid template: {said}")


def _error_in(text: str) -> LiquidError | None:
    """What is wrong with a template whoever it is filled in for: some of it shows only then."""
    try:
        template_of(text).render(contact={}, campaign={}, unsubscribeUrl="")
    except (LiquidSyntaxError, UnknownFilterError, TemplateNotFoundError) as error:
        return error
    except Exception:  # noqa: BLE001 - nobody is called nothing: for a real contact it may be fine
        return None
    return None


def refuse_unless(state: str, allowed: Collection[str]) -> None:
    """What a campaign may do depends on where it stands.

    Raises:
        NotAllowed: it stands elsewhere.
    """
    if state not in allowed:
        raise NotAllowed(f"The campaign is {state}.", reason=f"CAMPAIGN_{state}")


def refuse_late_changes(changed: AbstractSet[str], state: str, is_planned: bool) -> None:
    """What recipients get is the same for all of them, but for what a pause was made for.

    Raises:
        NotAllowed: content changes while it goes out or after that, or what all have in common
            once some recipients are settled.
    """
    if changed & (CONTENT | ADDRESSING):
        refuse_unless(state, SENDABLE)
    if changed & ADDRESSING and is_planned:
        raise NotAllowed("Its recipients are settled already.", reason="CAMPAIGN_STARTED")


def refuse_past(schedule_time: datetime, now: datetime) -> None:
    """A campaign is scheduled for a time to come.

    Raises:
        Invalid: the time has gone by.
    """
    if schedule_time <= now:
        flaw = Flaw("schedule_time", "IN_THE_PAST", "has gone by")
        raise Invalid("A campaign cannot be sent in the past.", flaw)


def no_stats() -> dict[str, int]:
    """What is counted of a campaign before anything is."""
    return dict.fromkeys(STATS, 0)


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Those of the fields that matter here whose values differ."""
    return {name for name in CONTENT | ADDRESSING if before.get(name) != after.get(name)}
