"""nameko's queue consumer, made to lose nothing: raw bytes, own prefetch, and a stop that finishes.

Stock nameko acknowledges what it cannot decode, closes the connection before the last
acknowledgements go out, and puts up with half a minute between two tries to connect.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from eventlet.timeout import Timeout
from kombu.entity import Queue
from nameko.messaging import QueueConsumer as StockConsumer
from nameko.messaging import QueueConsumerStopped

from crm_chassis.consuming.broker import CONNECT_WITHIN, Declaring, connect
from crm_chassis.consuming.deliveries import Delivery
from crm_chassis.events import topology
from crm_chassis.telemetry.logging import logger

HEARTBEAT = 30
SET_UP_WITHIN = 20.0
# How long one wait for messages lasts: a stop is noticed so much later at most.
TURN = 0.5
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 2.0
# kombu comes with half of its types.
named: Callable[..., Any] = Queue
log = logger(__name__)


class QueueConsumer(StockConsumer):
    """Takes messages of one queue on a connection of its own.

    After each connection the first message comes alone: one that ends the process each time would
    otherwise take along, towards the limit of deliveries, all that were delivered with it.
    """

    queue: str
    prefetch: int
    declared: Iterable[topology.Exchange | topology.Queue]
    deliver: Callable[[Delivery], None]
    _pending_remove_providers: dict[Any, Any]
    is_idle: Callable[[], bool]
    settled: Callable[[], int]

    def __init__(self) -> None:
        super().__init__()
        self.turned = monotonic()
        self.is_taking = False
        self._settled_before: int | None = None

    @property
    def sharing_key(self) -> int:
        """Nobody shares it."""
        return id(self)

    @property
    def connection(self) -> Any:
        return connect(self.amqp_uri, heartbeat=HEARTBEAT, connect_timeout=CONNECT_WITHIN)

    @contextmanager
    def establish_connection(self) -> Iterator[Any]:
        with self.create_connection() as connection:
            connection.ensure_connection(
                self.on_connection_error,
                interval_start=FIRST_PAUSE,
                interval_step=FIRST_PAUSE,
                interval_max=LONGEST_PAUSE,
            )
            # A broker that is just starting may leave the next steps unanswered.
            self._patience = Timeout(SET_UP_WITHIN, TimeoutError("the broker does not answer"))
            try:
                yield connection
            except Exception as error:
                log.warning("connection lost", queue=self.queue, error=type(error).__name__)
                raise
            finally:
                self._patience.cancel()
                self.is_taking = False

    def run(self, **_options: Any) -> None:
        try:
            super().run(safety_interval=TURN)
        except QueueConsumerStopped:
            log.info("stopped without the broker", queue=self.queue)

    def get_consumers(self, consumer_cls: Any, channel: Any) -> list[Any]:
        """Declare, and take; after each (re)connection."""
        channel.auto_decode = False
        channel.Message = Delivery
        for part in self.declared:
            part.declare(Declaring(channel))
        self._settled_before = self.settled()
        self._consumers = {
            provider: consumer_cls(
                [named(self.queue, no_declare=True)],
                on_message=self.deliver,
                auto_declare=False,
                prefetch_count=1,
            )
            for provider in self._providers
        }
        return list(self._consumers.values())

    def on_consume_ready(self, *arguments: Any, **options: Any) -> None:
        super().on_consume_ready(*arguments, **options)
        self._patience.cancel()
        self.is_taking = True

    def on_iteration(self) -> None:
        """Stop when nothing is taken any more and all that was taken is settled."""
        self.turned = monotonic()
        self._cancel_consumers_if_requested()
        if self._settled_before is not None and self.settled() > self._settled_before:
            self._settled_before = None
            for consumer in self._consumers.values():
                consumer.cancel()
                consumer.qos(prefetch_count=self.prefetch)
                consumer.consume()
        if not self._consumers and self.is_idle():
            self.should_stop = True

    def on_connection_error(self, exc: Exception, interval: float) -> None:
        self.turned = monotonic()
        log.warning("broker not reached", queue=self.queue, error=type(exc).__name__)
        if self._pending_remove_providers:
            # Asked to stop meanwhile, and there is nothing to hand back.
            self._consumers = {}
            for event in self._pending_remove_providers.values():
                event.send()
            self._pending_remove_providers = {}
            raise QueueConsumerStopped
