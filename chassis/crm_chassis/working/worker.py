"""The worker process: due timers and long work, claimed by lease, until it is asked to stop."""

import signal
from collections.abc import Callable, Mapping
from contextlib import closing
from threading import Event, Thread

from crm_chassis.mongo import connection
from crm_chassis.settings import ServiceSettings
from crm_chassis.telemetry import probes
from crm_chassis.telemetry.logging import logger, start_logging
from crm_chassis.telemetry.tracing import start_tracing, stop_tracing
from crm_chassis.working.operations import OperationHandler, Operations
from crm_chassis.working.timers import TimerHandler, Timers

# How long nothing was due before it is looked again: a timer fires at most so much later.
TIMER_PAUSE = 0.4
OPERATION_PAUSE = 1.0
# Two long ones at a time, so that a small import does not wait for a large one.
OPERATION_THREADS = 2
# How often claims are renewed and the lateness is measured; well within a claim's lease.
ROUND = 3.0
AFTER_ERROR = 2.0
log = logger(__name__)


def run(
    settings: ServiceSettings,
    timers: Mapping[str, TimerHandler],
    operations: Mapping[str, OperationHandler],
    checks: Mapping[str, probes.Check] | None = None,
) -> None:
    """Work until SIGTERM or SIGINT; then finish the timer and the steps in hand.

    `timers` and `operations` say by name what to do; `checks` what else readiness needs.
    """
    settings.need("mongodb_uri", "metrics_address")
    start_logging(settings.service, "worker", settings.log_level)
    start_tracing(settings.service, "worker")
    connection.connect(settings.mongodb_uri, settings.database_name)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = _Threads(Timers(settings.service, timers), Operations(operations, stop), stop)
    readiness = {"mongodb": connection.ping, **(checks or {})}
    alive = {"threads": threads.check}
    with closing(probes.serve(settings.metrics_address, readiness, alive)):
        threads.work()
    connection.disconnect()
    stop_tracing()


class _Threads:
    """The threads of a worker: one fires timers, some carry on operations, this one looks after."""

    def __init__(self, timers: Timers, operations: Operations, stop: Event) -> None:
        self.timers, self.operations, self.stop = timers, operations, stop
        work = [(timers.fire_one, TIMER_PAUSE)] if timers.handlers else []
        if operations.handlers:
            work += [(operations.carry_on_one, OPERATION_PAUSE)] * OPERATION_THREADS
        self.running = [
            Thread(target=_repeat, args=(once, pause, stop), name=f"{once.__name__} {number}")
            for number, (once, pause) in enumerate(work)
        ]

    def work(self) -> None:
        """Keep the threads going until the process is asked to stop."""
        for thread in self.running:
            thread.start()
        while not self.stop.wait(ROUND):
            _once(self._look_after)
        for thread in self.running:
            while thread.is_alive():
                _once(self.operations.renew)
                thread.join(ROUND)

    def check(self) -> None:
        """Do nothing while all threads live.

        Raises:
            RuntimeError: one has died.
        """
        dead = [thread.name for thread in self.running if not thread.is_alive()]
        if dead and not self.stop.is_set():
            raise RuntimeError(f"{', '.join(dead)} died")

    def _look_after(self) -> bool:
        self.operations.renew()
        if self.timers.handlers:
            self.timers.measure()
        return True


def _repeat(once: Callable[[], bool], pause: float, stop: Event) -> None:
    while not stop.is_set():
        worked = _once(once)
        if not worked:
            stop.wait(pause if worked is False else AFTER_ERROR)


def _once(work: Callable[[], bool | None]) -> bool | None:
    """What `work` answers; None when it failed, which is logged."""
    try:
        return work()
    except Exception as error:  # the database may be away: it is tried again
        log.error("work failed", exc_info=error)
        return None
