"""The worker process: due timers, long work and duties, until it is asked to stop."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from time import monotonic
from typing import Any

from crm_chassis.memory import spare_the_collector
from crm_chassis.mongo import connection, schedule
from crm_chassis.mongo import operations as long_work
from crm_chassis.mongo.claiming import longest_waits
from crm_chassis.mongo.failures import check_database
from crm_chassis.resources.event_log import expect_events
from crm_chassis.settings import ServiceSettings
from crm_chassis.stopping import stop_when_asked
from crm_chassis.telemetry import probes
from crm_chassis.telemetry.logging import logger, start_logging
from crm_chassis.telemetry.tracing import start_tracing, stop_tracing
from crm_chassis.working.duties import Duty
from crm_chassis.working.operations import OperationHandler, Operations
from crm_chassis.working.timers import TimerHandler, Timers

# How often it is looked for what is ready, while nothing is known to be and while something is.
PAUSE, SHORTEST_PAUSE = 0.45, 0.05
AFTER_ERROR = 2.0
# Two at a time, so that a small import does not wait for a large one.
OPERATION_THREADS = 2
# How often claims are renewed; well within a claim's lease.
RENEWAL = 3.0
# How long what is in hand may take at the end; a mail server may think about a mail for longer.
GRACE = 25.0
# A thread that stores waits for the database often, and for one that prepares each time after it:
# not 5 ms, which is a twelfth of an import.
SWITCH = 0.0005
log = logger(__name__)


def run(
    settings: ServiceSettings,
    timers: Mapping[str, TimerHandler],
    operations: Mapping[str, OperationHandler],
    checks: Mapping[str, probes.Check] | None = None,
    duties: Sequence[Duty] = (),
) -> None:
    """Work until SIGTERM or SIGINT; then finish the timer and the steps in hand.

    `timers` and `operations` say by name what to do, `duties` what else there is to do; `checks`
    what else readiness needs.
    """
    settings.need("mongodb_uri", "metrics_address")
    start_logging(settings.service, "worker", settings.log_level)
    start_tracing(settings.service, "worker")
    connection.connect(settings.mongodb_uri, settings.database_name)
    expect_events(settings.service)
    stop = Event()
    stop_when_asked(stop.set, GRACE)
    crew = _Crew(Timers(settings.service, timers), Operations(operations, stop), stop, duties)
    readiness = {"mongodb": check_database, **(checks or {})}
    spare_the_collector()
    if operations:
        sys.setswitchinterval(SWITCH)
    with closing(probes.serve(settings.metrics_address, readiness, {"threads": crew.check})):
        crew.work()
    connection.disconnect()
    stop_tracing()


@dataclass(frozen=True)
class _Thread:
    """A thread that does what is there to do, each time it is woken."""

    once: Callable[[], bool]
    wake: Event
    stop: Event

    def run(self) -> None:
        while not self.stop.is_set():
            self.wake.wait()
            self.wake.clear()
            while not self.stop.is_set() and _once(self.once):
                pass


class _Crew:
    """The threads of a worker: for timers, operations and each duty; this one looks out."""

    def __init__(
        self, timers: Timers, operations: Operations, stop: Event, duties: Sequence[Duty] = ()
    ) -> None:
        self.timers, self.operations, self.stop, self.duties = timers, operations, stop, duties
        self.conditions: dict[str, Mapping[str, Any]] = {}
        self.wakes: dict[str, Event] = {}
        self.threads: list[Thread] = []
        self.pause = PAUSE
        if timers.handlers:
            self._add(schedule.COLLECTION, schedule.of_names(timers.handlers), timers.fire_one)
        if operations.handlers:
            condition = long_work.of_kinds(operations.handlers)
            for _ in range(OPERATION_THREADS):
                self._add(long_work.COLLECTION, condition, operations.carry_on_one)
        for duty in duties:
            self._add(duty.collection, {}, duty.once)

    def work(self) -> None:
        """Look out and wake who has something to do, until the process is asked to stop."""
        for thread in self.threads:
            thread.start()
        renewed = monotonic()
        while not self.stop.wait(self.pause):
            if not _once(self._look_out):
                self.stop.wait(AFTER_ERROR)
            if monotonic() - renewed > RENEWAL:
                renewed = monotonic()
                self._renew()
        self._finish()

    def check(self) -> None:
        """Do nothing while all threads live.

        Raises:
            RuntimeError: one has died.
        """
        dead = [thread.name for thread in self.threads if not thread.is_alive()]
        if dead and not self.stop.is_set():
            raise RuntimeError(f"{', '.join(dead)} died")

    def _add(self, name: str, condition: Mapping[str, Any], once: Callable[[], bool]) -> None:
        self.conditions[name] = condition
        wake = self.wakes.setdefault(name, Event())
        self.threads.append(Thread(target=_Thread(once, wake, self.stop).run, name=name))

    def _look_out(self) -> bool:
        waits = longest_waits(self.conditions) if self.conditions else {}
        self.timers.measure(max(waits.get(schedule.COLLECTION, timedelta()), timedelta()))
        # Where something is ready, more may be in a moment; else when the first one will be.
        soon = [max(-wait.total_seconds(), SHORTEST_PAUSE) for wait in waits.values()]
        self.pause = min([PAUSE, *soon])
        for name, wait in waits.items():
            if wait >= timedelta():
                self.wakes[name].set()
        return True

    def _finish(self) -> None:
        """Wait for the steps in hand; their claims stay meanwhile."""
        for thread in self.threads:
            while thread.is_alive():
                # Again and again: threads share it, and one may have taken the wake of another.
                for wake in self.wakes.values():
                    wake.set()
                self._renew()
                thread.join(PAUSE)
        for duty in self.duties:
            _once(_closing(duty))

    def _renew(self) -> None:
        for renew in (self.operations.renew, *(duty.renew for duty in self.duties)):
            _once(renew)


def _closing(duty: Duty) -> Callable[[], bool]:
    def close() -> bool:
        duty.close()
        return True

    return close


def _once(work: Callable[[], bool]) -> bool:
    """What `work` answers; no when it failed, which is logged: the database may be away."""
    try:
        return work()
    except Exception as error:
        log.error("work failed", exc_info=error)
        return False
