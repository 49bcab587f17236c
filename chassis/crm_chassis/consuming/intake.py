"""The nameko entrypoint: takes messages from one queue and gives them to a worker, few at a time.

One after the other: the next are taken up when those before are settled, so that within a process
a queue's messages take effect in their order.
"""

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any, Protocol

import eventlet
from eventlet.queue import Empty, LightQueue
from nameko.extensions import Entrypoint

from crm_chassis.consuming.deliveries import Delivery
from crm_chassis.consuming.queue_consumer import QueueConsumer
from crm_chassis.events import topology
from crm_chassis.telemetry import metrics
from crm_chassis.telemetry.logging import logger

# A batch is complete so long after its first message, and begins so long after the last one began
# unless it is full: it costs about what one message costs.
COMPLETE_AFTER, PACE = 0.02, 0.2
FEWEST_PREFETCHED = 10
STUCK_AFTER = 120.0
log = logger(__name__)


class Passing(Exception):
    """Neither the message nor the reaction is at fault: the same is to be tried again soon."""


class Worker(Protocol):
    """What an intake gives its messages to."""

    queue: str
    batch: int
    declared: Iterable[topology.Exchange | topology.Queue]

    def work(self, deliveries: list[Delivery]) -> None:
        """Settle each of the deliveries.

        Raises:
            Passing: some are not settled yet.
        """


class Intake(Entrypoint):
    """Takes messages for a worker that `make(container, method)` gives."""

    def __init__(self, make: Callable[[Any, str], Worker]) -> None:
        self._make = make
        self.queue_consumer = QueueConsumer()
        super().__init__()

    def setup(self) -> None:
        """Prepare to take messages; nameko calls it before all entrypoints start."""
        self._worker = self._make(self.container, self.method_name)
        self._waiting: LightQueue[Delivery | None] = LightQueue()
        self._unsettled = self._settled = 0
        self._stopping = False
        self._progress = monotonic()
        self._began = 0.0
        metrics.expect(metrics.CONSUMER_INFLIGHT, [self._worker.queue])
        consumer = self.queue_consumer
        consumer.queue, consumer.declared = self._worker.queue, self._worker.declared
        consumer.prefetch = max(2 * self._worker.batch, FEWEST_PREFETCHED)
        consumer.deliver, consumer.is_idle = self._take, lambda: self._unsettled == 0
        consumer.settled = lambda: self._settled
        consumer.register_provider(self)

    def start(self) -> None:
        """Begin to work."""
        self._thread = self.container.spawn_managed_thread(self._work)

    def stop(self) -> None:
        """Take no more, and settle what was taken."""
        self._stopping = True
        self.queue_consumer.unregister_provider(self)
        self._waiting.put(None)
        self._thread.wait()

    def check(self) -> None:
        """Do nothing while messages are taken, or could be.

        Raises:
            RuntimeError: nothing has happened for long.
        """
        last = min(self._progress if self._unsettled else monotonic(), self.queue_consumer.turned)
        if monotonic() - last > STUCK_AFTER:
            raise RuntimeError(f"{self._worker.queue} stands still")

    def check_taking(self) -> None:
        """Do nothing while all is declared and the broker can deliver.

        Raises:
            RuntimeError: it cannot.
        """
        if not self.queue_consumer.is_taking:
            raise RuntimeError(f"{self._worker.queue} is not taken from")

    def _take(self, delivery: Delivery) -> None:
        self._unsettled += 1
        self._waiting.put(delivery)

    def _work(self) -> None:
        while (deliveries := self._next()) is not None:
            self._progress = monotonic()
            metrics.CONSUMER_INFLIGHT.labels(self._worker.queue).set(len(deliveries))
            self._settle(deliveries)
            self._unsettled -= len(deliveries)
            self._settled += sum(one.is_settled for one in deliveries)
            metrics.CONSUMER_INFLIGHT.labels(self._worker.queue).set(0)
            self._tell_progress()

    def _next(self) -> list[Delivery] | None:
        """The next messages: as many as make a batch, or what came until it is time for one."""
        while True:
            try:
                first = self._waiting.get(timeout=1.0)
                break
            except Empty:
                if self.queue_consumer.is_taking:
                    self._tell_progress()
        if first is None:
            return None
        batch = [first]
        while len(batch) < self._worker.batch:
            left = max(first.arrived + COMPLETE_AFTER, self._began + PACE) - monotonic()
            try:
                another = self._waiting.get(block=left > 0, timeout=left)
            except Empty:
                break
            if another is None:
                self._waiting.put(None)
                break
            batch.append(another)
        self._began = monotonic()
        return batch

    def _settle(self, deliveries: list[Delivery]) -> None:
        pause = 0.25
        while deliveries := [one for one in deliveries if not (one.is_lost or one.is_settled)]:
            try:
                self._worker.work(deliveries)
            except Passing as error:
                log.warning("waiting", queue=self._worker.queue, reason=str(error))
                if self._stopping:
                    # What is not settled is handed back when the connection closes.
                    return
                self._progress = monotonic()
                eventlet.sleep(pause)
                pause = min(pause * 2, 5.0)

    def _tell_progress(self) -> None:
        self._progress = monotonic()
        metrics.CONSUMER_LAST_PROGRESS.labels(self._worker.queue).set_to_current_time()
