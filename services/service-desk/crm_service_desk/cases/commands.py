"""Changes to cases. Each runs in one transaction and announces what it did."""

from collections.abc import Sequence

from crm_chassis.resources.customer_names import take_names
from crm_chassis.resources.document import take_over
from crm_chassis.resources.transaction import Transaction
from crm_service_desk.cases.documents import Case
from crm_service_desk.cases.rules import (
    CHANNEL,
    CLOSED,
    NEW,
    OPEN,
    PENDING,
    PRIORITY,
    QUEUE,
    RESOLVED,
    refuse_closed,
    refuse_finished,
    refuse_unfinished,
    state_when_assigned,
)
from crm_service_desk.targets.commands import (
    breach_overdue,
    forget_targets,
    give_up_target,
    meet_target,
    move_targets,
    promise_targets,
    resume_target,
    watch_targets,
)
from crm_service_desk.targets.rules import FIRST_RESPONSE, RESOLUTION


def create_case(tx: Transaction, case: Case, number: int) -> Case:
    """Store a new case under a number that nobody else has (`mongo/numbers.py`)."""
    case.number, case.state = number, NEW
    _settle(tx, case)
    promise_targets(case, tx.now)
    tx.insert(case)
    watch_targets(tx, case)
    return case


def update_case(tx: Transaction, changes: Case, paths: Sequence[str], etag: str) -> Case:
    """Take over from `changes` the fields that `paths` name. Another assignee is assigned.

    What is due runs anew from the making of the case where its priority changes.

    Raises:
        NotFound: there is no such case.
        Stale: an `etag` is given, and it has changed since.
        NotAllowed: it is closed, and its assignee would change.
    """
    case = tx.load(Case, changes.name, expecting=etag)
    breach_overdue(tx, case)
    assignee, priority = case.assignee, case.priority
    take_over(changes, case, paths)
    _settle(tx, case)
    if case.priority != priority:
        move_targets(case)
        watch_targets(tx, case)
    if case.assignee == assignee:
        return tx.update(case)
    _assign(case, case.assignee)
    return tx.update(case, "assigned")


def assign_case(tx: Transaction, name: str, assignee: str | None, etag: str) -> Case:
    """Give a case to somebody, or to nobody. A new one is open once somebody has it.

    Raises:
        NotFound, Stale: as in `update_case`.
        NotAllowed: it is closed.
    """
    case = tx.load(Case, name, expecting=etag)
    _assign(case, assignee)
    return tx.update(case, "assigned")


def resolve_case(tx: Transaction, name: str, etag: str) -> Case:
    """Mark a case as resolved. Nobody has to answer it any more.

    Raises:
        NotFound, Stale: as in `update_case`.
        NotAllowed: it is resolved or closed.
    """
    case = tx.load(Case, name, expecting=etag)
    refuse_finished(case.state)
    breach_overdue(tx, case)
    case.state, case.resolve_time = RESOLVED, tx.now
    give_up_target(tx, case, FIRST_RESPONSE)
    meet_target(tx, case, RESOLUTION)
    return tx.update(case, "resolved")


def close_case(tx: Transaction, name: str, etag: str) -> Case:
    """Close a case. What it has not reached by now, nobody has to reach any more.

    Raises:
        NotFound, Stale: as in `update_case`.
        NotAllowed: it is closed.
    """
    case = tx.load(Case, name, expecting=etag)
    refuse_closed(case.state)
    breach_overdue(tx, case)
    case.state = CLOSED
    give_up_target(tx, case, FIRST_RESPONSE)
    give_up_target(tx, case, RESOLUTION)
    return tx.update(case, "closed")


def reopen_case(tx: Transaction, name: str, etag: str) -> Case:
    """Open a case again that was resolved or closed.

    Raises:
        NotFound, Stale: as in `update_case`.
        NotAllowed: it is neither.
    """
    case = tx.load(Case, name, expecting=etag)
    refuse_unfinished(case.state)
    return _reopen(tx, case)


def delete_case(tx: Transaction, name: str, etag: str) -> Case:
    """Take a case away; it breaches nothing meanwhile.

    Raises:
        NotFound, Stale: as in `update_case`.
    """
    case = tx.delete(tx.load(Case, name, expecting=etag))
    forget_targets(tx, case)
    return case


def undelete_case(tx: Transaction, name: str, etag: str) -> Case:
    """Bring a case back; its targets run on.

    Raises:
        NotFound, Stale: as in `update_case`.
        NotAllowed: it was not taken away.
    """
    case = tx.undelete(tx.load_deleted(Case, name, expecting=etag))
    watch_targets(tx, case)
    return case


def answer_case(tx: Transaction, case: Case) -> Case:
    """Take note that the customer was answered: we wait for the customer from now on.

    Raises:
        NotAllowed: it is resolved or closed.
    """
    refuse_finished(case.state)
    breach_overdue(tx, case)
    case.state = PENDING
    if case.first_response_time is None:
        case.first_response_time = tx.now
        meet_target(tx, case, FIRST_RESPONSE)
    return tx.update(case, "replied")


def hear_customer(tx: Transaction, case: Case) -> Case:
    """Take note that the customer has written: the customer waits for us from now on.

    Raises:
        NotAllowed: it is closed.
    """
    refuse_closed(case.state)
    if case.state == RESOLVED:
        return _reopen(tx, case)
    if case.state == PENDING:
        case.state = OPEN
    return tx.update(case)


def _settle(tx: Transaction, case: Case) -> None:
    """Give what is not told its value, and take how the customers are called from what is known."""
    case.channel = case.channel or CHANNEL
    case.priority = case.priority or PRIORITY
    case.queue = case.queue or QUEUE
    take_names(tx, case)


def _assign(case: Case, assignee: str | None) -> None:
    refuse_closed(case.state)
    case.assignee = assignee
    case.state = state_when_assigned(case.state, assignee)


def _reopen(tx: Transaction, case: Case) -> Case:
    case.state, case.resolve_time = OPEN, None
    if case.first_response_time is None:
        resume_target(tx, case, FIRST_RESPONSE)
    resume_target(tx, case, RESOLUTION)
    watch_targets(tx, case)
    return tx.update(case, "reopened")
