"""Decisions about deals: plain values in, plain values out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_chassis.kernel.errors import Flaw, NotAllowed, refuse_flaws
from crm_sales.pipelines.rules import OPEN


def refuse_repeated_contacts(contacts: Sequence[str]) -> None:
    """A person has one say in a deal.

    Raises:
        Invalid: one is there twice; it names the second.
    """
    refuse_flaws(
        Flaw(f"contacts[{index}].contact", "REPEATED", "is there already")
        for index, contact in enumerate(contacts)
        if contact in contacts[:index]
    )


def refuse_unless_open(state: str) -> None:
    """What is closed stays as it is until it is opened again.

    Raises:
        NotAllowed: it is closed.
    """
    if state != OPEN:
        raise NotAllowed(f"The deal is {state}.", reason="DEAL_CLOSED")


def refuse_unless_closed(state: str) -> None:
    """Only what is closed can be opened again.

    Raises:
        NotAllowed: it is open.
    """
    if state == OPEN:
        raise NotAllowed("The deal is open.", reason="DEAL_OPEN")


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay in a stage; without an end it lasts. `sequence` is the version that began it."""

    stage: str
    start: datetime
    end: datetime | None
    actor: str
    sequence: int


def stays(versions: Iterable[tuple[int, datetime, str, str]]) -> Iterator[Stay]:
    """The stays that a deal's versions (sequence, time, actor, stage) tell of, oldest first."""
    begun: tuple[int, datetime, str, str] | None = None
    for version in versions:
        if begun is not None and version[3] == begun[3]:
            continue
        if begun is not None:
            yield Stay(begun[3], begun[1], version[1], begun[2], begun[0])
        begun = version
    if begun is not None:
        yield Stay(begun[3], begun[1], None, begun[2], begun[0])
