"""Decisions about cases and their targets."""

from datetime import UTC, datetime, timedelta

import pytest
from crm.service_desk.v1 import cases_pb2
from hypothesis import given
from hypothesis import strategies as st

from crm_chassis.kernel.errors import NotAllowed
from crm_service_desk.cases import rules
from crm_service_desk.cases.rules import (
    CLOSED,
    NEW,
    OPEN,
    PENDING,
    RESOLVED,
    refuse_closed,
    refuse_finished,
    refuse_unfinished,
    state_when_assigned,
)
from crm_service_desk.targets.rules import (
    BREACHED,
    FIRST_RESPONSE,
    MET,
    RESOLUTION,
    RUNNING,
    TARGETS,
    TIMES,
    due_time,
    is_overdue,
    outcome_when_reopened,
)

PRIORITIES = cases_pb2.Case.Priority.keys()[1:]
STATES = cases_pb2.Case.State.keys()[1:]
MOMENT = datetime(2026, 5, 3, 12, tzinfo=UTC)
_moments = st.datetimes(timezones=st.just(UTC))


def refused(rule, state):
    try:
        rule(state)
    except NotAllowed as refusal:
        return refusal.reason
    return None


def test_each_state_is_finished_or_not():
    assert set(STATES) == rules.UNFINISHED | rules.FINISHED
    assert not rules.UNFINISHED & rules.FINISHED


def test_a_refusal_says_where_the_case_stands():
    told = {
        rule.__name__: [refused(rule, state) for state in (NEW, OPEN, PENDING, RESOLVED, CLOSED)]
        for rule in (refuse_finished, refuse_closed, refuse_unfinished)
    }

    assert told == {
        "refuse_finished": [None, None, None, "CASE_RESOLVED", "CASE_CLOSED"],
        "refuse_closed": [None, None, None, None, "CASE_CLOSED"],
        "refuse_unfinished": ["CASE_NEW", "CASE_OPEN", "CASE_PENDING", None, None],
    }


@pytest.mark.parametrize("state", STATES)
def test_only_a_new_case_is_open_once_somebody_has_it(state):
    assert state_when_assigned(state, "users/1") == (OPEN if state == NEW else state)
    assert state_when_assigned(state, None) == state


@pytest.mark.parametrize("target", TARGETS)
def test_there_is_a_time_for_each_priority_and_less_for_a_higher_one(target):
    times = [TIMES[target][priority] for priority in PRIORITIES]

    assert times == sorted(times, reverse=True)
    assert len(set(times)) == len(times)


@pytest.mark.parametrize("priority", PRIORITIES)
def test_the_first_response_is_due_before_the_resolution(priority):
    assert due_time(FIRST_RESPONSE, priority, MOMENT) < due_time(RESOLUTION, priority, MOMENT)


def test_an_urgent_case_is_answered_within_an_hour():
    assert due_time(FIRST_RESPONSE, "URGENT", MOMENT) == MOMENT + timedelta(hours=1)


@given(_moments, _moments)
def test_only_what_runs_can_be_overdue_and_it_is_from_its_due_time_on(due, moment):
    assert is_overdue(RUNNING, due, moment) == (due <= moment)
    assert not any(is_overdue(outcome, due, moment) for outcome in (MET, BREACHED, None))


@given(_moments, _moments)
def test_what_is_asked_for_again_runs_exactly_when_it_is_not_overdue(due, moment):
    outcome = outcome_when_reopened(due, moment)

    assert outcome in (RUNNING, BREACHED)
    assert (outcome == RUNNING) != is_overdue(RUNNING, due, moment)
