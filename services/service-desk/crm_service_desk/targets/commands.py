"""Changes to the targets of a case. Each is part of a change to that case."""

from collections.abc import Sequence
from datetime import datetime

from crm_chassis.mongo.schedule import cancel, schedule
from crm_chassis.resources.transaction import Transaction
from crm_service_desk.cases.documents import Case
from crm_service_desk.metrics import TARGETS_BREACHED
from crm_service_desk.targets.rules import (
    BREACHED,
    MET,
    RUNNING,
    TARGETS,
    due_time,
    field_of,
    is_overdue,
    outcome_when_reopened,
)


def promise_targets(case: Case, since: datetime) -> None:
    """Let all targets run, from then on."""
    for target in TARGETS:
        _set_outcome(case, target, RUNNING)
        _set_due(case, target, since)


def move_targets(case: Case) -> None:
    """Make the targets that run due when the case's priority says."""
    for target in _running(case):
        _set_due(case, target, case.create_time)


def watch_targets(tx: Transaction, case: Case) -> None:
    """Let a timer fire for each target that runs, when it is due; it may be due already."""
    for target in _running(case):
        schedule(tx, target, case.name, _due(case, target))


def forget_targets(tx: Transaction, case: Case) -> None:
    """Let no timer fire."""
    for target in TARGETS:
        cancel(tx, target, case.name)


def meet_target(tx: Transaction, case: Case, target: str) -> None:
    """Take note that a target was reached; one whose time has run out stays so."""
    _end(tx, case, target, MET)


def give_up_target(tx: Transaction, case: Case, target: str) -> None:
    """Take note that nobody has to reach a target any more."""
    _end(tx, case, target, None)


def resume_target(tx: Transaction, case: Case, target: str) -> None:
    """Ask for a target again: its time runs on, or has run out."""
    if _outcome(case, target) == BREACHED:
        return
    outcome = outcome_when_reopened(_due(case, target), tx.now)
    _set_outcome(case, target, outcome)
    if outcome == BREACHED:
        _count(tx, target)


def breach_target(tx: Transaction, case: Case, target: str) -> None:
    """Announce that a target's time has run out, unless it was reached before."""
    if _outcome(case, target) == RUNNING:
        _breach(tx, case, [target])


def breach_overdue(tx: Transaction, case: Case) -> None:
    """The same of all targets that are overdue.

    The timers do so when it happens; whatever else changes a target does first, for a timer that
    is late.
    """
    overdue = [
        target
        for target in TARGETS
        if is_overdue(_outcome(case, target), _due(case, target), tx.now)
    ]
    if overdue:
        _breach(tx, case, overdue)


def _breach(tx: Transaction, case: Case, targets: Sequence[str]) -> None:
    for target in targets:
        _set_outcome(case, target, BREACHED)
        cancel(tx, target, case.name)
        _count(tx, target)
    tx.update(case, "breached")


def _end(tx: Transaction, case: Case, target: str, outcome: str | None) -> None:
    if _outcome(case, target) == RUNNING:
        _set_outcome(case, target, outcome)
        cancel(tx, target, case.name)


def _running(case: Case) -> list[str]:
    return [target for target in TARGETS if _outcome(case, target) == RUNNING]


def _count(tx: Transaction, target: str) -> None:
    tx.afterwards(TARGETS_BREACHED.labels(target).inc)


# A target's fields are called like it.


def _outcome(case: Case, target: str) -> str | None:
    outcome: str | None = case[f"{field_of(target)}_target"]
    return outcome


def _set_outcome(case: Case, target: str, outcome: str | None) -> None:
    case[f"{field_of(target)}_target"] = outcome


def _due(case: Case, target: str) -> datetime:
    due: datetime = case[f"{field_of(target)}_due_time"]
    return due


def _set_due(case: Case, target: str, since: datetime) -> None:
    case[f"{field_of(target)}_due_time"] = due_time(target, case.priority, since)
