"""Decisions about cases: plain values in, plain values out."""

from crm_chassis.kernel.errors import NotAllowed

NEW, OPEN, PENDING, RESOLVED, CLOSED = "NEW", "OPEN", "PENDING", "RESOLVED", "CLOSED"
# What a case has of which nothing is told.
CHANNEL, PRIORITY, QUEUE = "OTHER", "NORMAL", "queues/general"
# Somebody still has to do something.
UNFINISHED = frozenset({NEW, OPEN, PENDING})
FINISHED = frozenset({RESOLVED, CLOSED})


def refuse_finished(state: str) -> None:
    """What is resolved or closed has to be opened again first.

    Raises:
        NotAllowed: it is; the reason says which.
    """
    if state in FINISHED:
        raise _refusal(state)


def refuse_closed(state: str) -> None:
    """What is closed stays as it is until it is opened again.

    Raises:
        NotAllowed: it is closed.
    """
    if state == CLOSED:
        raise _refusal(state)


def refuse_unfinished(state: str) -> None:
    """Only what is resolved or closed can be opened again.

    Raises:
        NotAllowed: it is neither; the reason says where it stands.
    """
    if state in UNFINISHED:
        raise _refusal(state)


def state_when_assigned(state: str, assignee: str | None) -> str:
    """Where a case stands once it was given to somebody, or to nobody."""
    return OPEN if state == NEW and assignee else state


def _refusal(state: str) -> NotAllowed:
    return NotAllowed(f"The case is {state}.", reason=f"CASE_{state}")
