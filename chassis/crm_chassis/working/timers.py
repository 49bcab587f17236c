"""Firing timers: the row goes and its effect comes in one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from crm_chassis.kernel.clock import now
from crm_chassis.mongo import schedule
from crm_chassis.mongo.claiming import ClaimLost
from crm_chassis.mongo.schedule import Timer
from crm_chassis.resources.transaction import Transaction, as_call
from crm_chassis.telemetry.logging import logger
from crm_chassis.telemetry.metrics import (
    TIMER_LATENESS,
    TIMER_OLDEST_AGE,
    TIMER_OUTCOMES,
    TIMERS_FIRED,
    expect,
)
from crm_chassis.telemetry.tracing import span

TimerHandler = Callable[[Transaction, Timer], None]
log = logger(__name__)


@dataclass(frozen=True)
class Timers:
    """The timers of one service, and what each does when it is due."""

    service: str
    handlers: Mapping[str, TimerHandler]

    def __post_init__(self) -> None:
        expect(TIMERS_FIRED, self.handlers, TIMER_OUTCOMES)

    def fire_one(self) -> bool:
        """Fire the timer that waits the longest; tells whether one was due."""
        timer = schedule.claim(self.handlers)
        if timer is None:
            return False
        with span(f"timer {timer.name}", kind="consumer", follows=timer.traceparent):
            TIMERS_FIRED.labels(timer.name, self._fire(timer)).inc()
        return True

    def measure(self, longest_wait: timedelta) -> None:
        """Tell how long the timer has waited that waits the longest."""
        TIMER_OLDEST_AGE.labels(self.service).set(longest_wait.total_seconds())

    def _fire(self, timer: Timer) -> str:
        try:
            as_call(timer.call(self.service), self._effect, timer)
        except ClaimLost:
            return "lost"
        except Exception as error:  # whatever it raises, the timer fires again
            schedule.put_off(timer, f"{type(error).__name__}: {error}")
            place = {"timer": timer.name, "subject": timer.subject, "attempts": timer.attempts}
            log.warning("timer failed", **place, exc_info=error)
            return "failed"
        TIMER_LATENESS.labels(timer.name).observe((now() - timer.due).total_seconds())
        return "ok"

    def _effect(self, tx: Transaction, timer: Timer) -> None:
        schedule.complete(tx, timer)
        self.handlers[timer.name](tx, timer)
