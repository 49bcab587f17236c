"""The circuit breaker: what opens it, how long it stays open, what closes it."""

import grpc
import pytest

from crm_chassis.kernel.ids import new_id
from crm_chassis.rpc.breaker import Breaker, State

OK, BUSY = grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED
AWAY, LATE = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED
BROKEN, MISSING = grpc.StatusCode.INTERNAL, grpc.StatusCode.NOT_FOUND


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker(f"target-{new_id()}", clock)


def record(breaker, *codes, patience=3.0):
    for code in codes:
        breaker.record(code, patience)


@pytest.mark.parametrize("code", [AWAY, LATE])
def test_five_calls_in_a_row_without_an_answer_open_it(breaker, clock, code):
    for _ in range(4):
        record(breaker, code)
        clock.now += 4
    before = breaker.state

    record(breaker, code)

    assert (before, breaker.state) == (State.CLOSED, State.OPEN)
    assert not breaker.admits()


def test_an_answer_in_between_keeps_it_closed(breaker):
    record(breaker, *[AWAY, AWAY, AWAY, AWAY, OK] * 4)

    assert breaker.state is State.CLOSED


def test_half_of_twenty_calls_that_fail_open_it(breaker):
    record(breaker, *[BROKEN, OK] * 9)
    before = breaker.state

    record(breaker, BROKEN, BROKEN)

    assert (before, breaker.state) == (State.CLOSED, State.OPEN)


def test_failures_of_long_ago_do_not_count(breaker, clock):
    record(breaker, *[BROKEN] * 15)
    clock.now += 11

    record(breaker, *[BROKEN] * 15)

    assert breaker.state is State.CLOSED


@pytest.mark.parametrize("code", [MISSING, BUSY])
def test_refusals_are_answers(breaker, code):
    record(breaker, *[code] * 50)

    assert breaker.state is State.CLOSED


def test_a_caller_in_a_hurry_proves_nothing(breaker):
    record(breaker, *[LATE] * 50, patience=0.1)

    assert breaker.state is State.CLOSED


def test_one_call_may_try_after_a_pause_that_doubles(breaker, clock):
    record(breaker, *[AWAY] * 5)
    pauses = []

    for _ in range(5):
        began = clock.now
        while not breaker.admits():
            clock.now += 0.25
        pauses.append(clock.now - began)
        others = breaker.admits()
        record(breaker, AWAY)

    assert pauses == [1, 2, 4, 8, 8]
    assert others is False


def test_it_closes_when_the_one_that_tries_gets_an_answer(breaker, clock):
    record(breaker, *[AWAY] * 5)
    clock.now += 1

    assert breaker.admits()
    record(breaker, OK)

    assert breaker.state is State.CLOSED
    assert breaker.admits()
