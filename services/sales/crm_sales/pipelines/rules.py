"""Decisions about pipelines: plain values in, plain values out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from crm_chassis.kernel.errors import Flaw, Invalid, NotAllowed, refuse_flaws

OPEN, WON, LOST = "OPEN", "WON", "LOST"


@dataclass(frozen=True, slots=True)
class Step:
    """A stage as decisions need it: its id, what becomes of a deal there, how likely it is won."""

    id: str
    kind: str
    probability: int


def refuse_unusable(steps: Sequence[Step]) -> None:
    """Each stage has an id of its own, and a deal can begin in one.

    Raises:
        Invalid: two have the same id, or none is OPEN.
    """
    ids = [step.id for step in steps]
    refuse_flaws(
        Flaw(f"stages[{index}].id", "REPEATED", "is another stage's")
        for index, id_ in enumerate(ids)
        if id_ in ids[:index]
    )
    if all(step.kind != OPEN for step in steps):
        flaw = Flaw("stages", "NO_OPEN_STAGE", "have none that a deal can begin in")
        raise Invalid("A pipeline needs an open stage.", flaw)


def refuse_loss_of_used(steps: Sequence[Step], used: Collection[str]) -> None:
    """A stage that deals are in stays.

    Raises:
        NotAllowed: one of the `used` is gone.
    """
    gone = sorted(set(used) - {step.id for step in steps})
    if gone:
        raise NotAllowed(f"Deals are in the stage {gone[0]}.", reason="STAGE_IN_USE")


def first_of(steps: Sequence[Step], kind: str) -> Step | None:
    """The first stage of a kind; None when there is none."""
    return next((step for step in steps if step.kind == kind), None)


def step_of(steps: Sequence[Step], stage: str, field: str) -> Step:
    """The open stage of that id.

    Raises:
        Invalid: there is none, or deals are closed there.
    """
    for step in steps:
        if step.id == stage:
            if step.kind == OPEN:
                return step
            flaw = Flaw(field, "CLOSED_STAGE", "is reached by winning or losing the deal")
            raise Invalid("A deal is closed by winning or losing it.", flaw)
    flaw = Flaw(field, "UNKNOWN_STAGE", "is no stage of the pipeline")
    raise Invalid("There is no such stage.", flaw)


def step_after(steps: Sequence[Step], stage: str) -> Step:
    """The open stage that follows.

    Raises:
        NotAllowed: it was the last one.
    """
    ids = [step.id for step in steps]
    later = steps[ids.index(stage) + 1 :] if stage in ids else steps
    found = first_of(later, OPEN)
    if found is None:
        raise NotAllowed("It is in the last open stage.", reason="LAST_STAGE")
    return found
