"""Circuit breakers: a service that does not answer is left alone for a while.

Our own, since pybreaker holds one lock for as long as a call takes and so makes calls wait for one
another, and knows no share of failures in a span of time.
"""

import time
from collections.abc import Callable
from enum import IntEnum
from threading import Lock

import grpc

from crm_chassis.telemetry import metrics

WINDOW = 10.0
FEWEST_CALLS = 20
SHARE = 0.5
IN_A_ROW = 5
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 8.0
# Whoever waited for less cannot tell a slow service from a caller in a hurry.
PATIENT = 0.25
SILENT = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
FAILED = SILENT | {grpc.StatusCode.INTERNAL}


class State(IntEnum):
    """What a breaker does with a call: lets it pass, lets one try, or refuses it."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """The breaker of one target.

    It opens when half of at least 20 calls within 10 s failed, or 5 in a row got no answer; then
    one call may try after 1 s, and after twice as long each time, 8 s at the most.
    """

    def __init__(self, target: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._state = State.CLOSED
        self._since = clock()
        self._calls = self._failures = self._in_a_row = 0
        self._pause = SHORTEST_PAUSE
        self._next_try = 0.0
        self._gauge = metrics.BREAKER_STATE.labels(target)
        self._transitions = {
            state: metrics.BREAKER_TRANSITIONS.labels(target, state.name.lower()) for state in State
        }

    @property
    def state(self) -> State:
        """What it does now."""
        return self._state

    def admits(self) -> bool:
        """Whether a call may be made now; the caller records how it went."""
        if self._state is State.CLOSED:
            return True
        with self._lock:
            if self._clock() < self._next_try:
                return False
            # Should the one that tries never record, another may after a while.
            self._next_try = self._clock() + self._pause
            self._become(State.HALF_OPEN)
            return True

    def record(self, code: grpc.StatusCode, patience: float) -> None:
        """Take note of how a call went that had `patience` seconds."""
        late = code is grpc.StatusCode.DEADLINE_EXCEEDED
        if code not in FAILED or (late and patience < PATIENT):
            self._succeeded()
        else:
            self._failed(code in SILENT)

    def _succeeded(self) -> None:
        if self._state is State.CLOSED and not self._in_a_row:
            self._calls += 1
            return
        with self._lock:
            self._in_a_row = 0
            self._calls += 1
            if self._state is not State.CLOSED:
                self._pause = SHORTEST_PAUSE
                self._begin_window()
                self._become(State.CLOSED)

    def _failed(self, silent: bool) -> None:
        with self._lock:
            if self._state is State.OPEN:
                return
            if self._state is State.HALF_OPEN:
                self._open(min(self._pause * 2, LONGEST_PAUSE))
                return
            if self._clock() - self._since > WINDOW:
                self._begin_window()
            self._calls += 1
            self._failures += 1
            self._in_a_row += silent
            many = self._calls >= FEWEST_CALLS and self._failures >= SHARE * self._calls
            if many or self._in_a_row >= IN_A_ROW:
                self._open(SHORTEST_PAUSE)

    def _begin_window(self) -> None:
        self._since = self._clock()
        self._calls = self._failures = 0

    def _open(self, pause: float) -> None:
        self._pause = pause
        self._next_try = self._clock() + pause
        self._become(State.OPEN)

    def _become(self, state: State) -> None:
        if state is not self._state:
            self._state = state
            self._gauge.set(state)
            self._transitions[state].inc()
