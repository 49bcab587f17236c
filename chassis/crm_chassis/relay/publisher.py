"""Publishing with pipelined confirms: a thread of its own that stays connected to the broker."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import Enum, auto
from functools import partial
from itertools import takewhile
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel
from pika.exceptions import AMQPHeartbeatTimeout, ConnectionBlockedTimeout

from crm_chassis.events.envelope import CONTENT_TYPE
from crm_chassis.events.topology import EVENTS, EXCHANGE
from crm_chassis.kernel.errors import Unavailable
from crm_chassis.relay.joining import JoiningConnection
from crm_chassis.relay.lanes import Outgoing
from crm_chassis.telemetry.logging import logger

CONNECTION_OPTIONS = {
    "heartbeat": 30,
    "blocked_connection_timeout": 30,
    "socket_timeout": 5,
    "stack_timeout": 10,
}
LONGEST_PAUSE = 2.0
# How many messages go to the socket together.
PIECE = 64
log = logger(__name__)


class Fate(Enum):
    """What became of an event that was to be sent."""

    CONFIRMED = auto()
    RETURNED = auto()
    REFUSED = auto()
    LOST = auto()
    OVERDUE = auto()
    FENCED = auto()


Told = tuple[str, Fate]


class Publisher:
    """Sends events and tells what became of each, by id; connects again by itself.

    An event that is not ours at the last moment is not sent: others may have its bucket by now.
    `send`, `fates`, `stop` and `check` may be called from any thread; all else runs in its own.
    """

    def __init__(self, uri: str, is_ours: Callable[[Outgoing], bool]) -> None:
        self._is_ours = is_ours
        self._parameters = pika.URLParameters(uri)
        for name, value in CONNECTION_OPTIONS.items():
            setattr(self._parameters, name, value)
        self._loop = IOLoop()
        self._thread = Thread(target=self._run, name="publisher", daemon=True)
        self._fates: SimpleQueue[list[Told]] = SimpleQueue()
        self._outgoing: deque[Outgoing] = deque()
        self._unconfirmed: dict[int, str] = {}
        self._returned: set[str] = set()
        self._connection: JoiningConnection | None = None
        self._channel: Channel | None = None
        self._tag = 0
        self._pause = 0.5
        self._stopping = False
        self.is_blocked = False

    def start(self) -> None:
        """Connect, and from now on stay connected."""
        self._thread.start()

    def send(self, events: Iterable[Outgoing]) -> None:
        """Publish the events; `fates` will tell of each."""
        self._outgoing.extend(events)
        self._loop.add_callback_threadsafe(self._flush)

    def fates(self, patience: float) -> list[Told]:
        """What became known; waits up to `patience` seconds for the first of it."""
        told: list[Told] = []
        with suppress(Empty):
            told += self._fates.get(block=patience > 0, timeout=patience)
            while True:
                told += self._fates.get_nowait()
        return told

    def wake(self) -> None:
        """Let `fates` return now. May be called from a signal handler."""
        self._fates.put([])

    def stop(self) -> None:
        """Close the connection and end."""
        self._loop.add_callback_threadsafe(self._close)
        self._thread.join(5)

    @property
    def is_open(self) -> bool:
        return self._channel is not None

    def refuse_dead(self) -> None:
        """Do nothing while the thread lives.

        Raises:
            RuntimeError: it has ended by an error, which it has written out.
        """
        if not self._thread.is_alive():
            raise RuntimeError("the publisher's thread has ended")

    def check(self) -> None:
        """Do nothing while the broker takes events.

        Raises:
            Unavailable: it is away, or has blocked this connection for want of memory or disk.
        """
        if self._channel is None:
            raise Unavailable("The broker is away.")
        if self.is_blocked:
            raise Unavailable("The broker takes nothing at present.", reason="BROKER_BLOCKED")

    # The publisher's own thread

    def _run(self) -> None:
        self._connect()
        self._loop.start()

    def _connect(self) -> None:
        self._connection = JoiningConnection(
            self._parameters, self._opened, self._failed, self._closed, custom_ioloop=self._loop
        )
        self._connection.add_on_connection_blocked_callback(self._blocked)
        self._connection.add_on_connection_unblocked_callback(self._unblocked)

    def _opened(self, connection: JoiningConnection) -> None:
        connection.channel(on_open_callback=self._prepare)

    def _prepare(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(self._came_back)
        EVENTS.declare(_Declaring(channel))
        channel.confirm_delivery(self._told, callback=partial(self._ready, channel))

    def _ready(self, channel: Channel, _frame: Any) -> None:
        log.info("broker connected", exchange=EXCHANGE)
        self._channel, self._tag, self._pause = channel, 0, 0.5
        self._flush()
        self.wake()

    def _flush(self) -> None:
        """Send a piece, the next when it has left: little goes that is not ours any more."""
        channel, connection = self._channel, self._connection
        if channel is None or connection is None or self.is_blocked or not self._outgoing:
            return
        if not connection.is_clear:
            self._loop.call_later(0.001, self._flush)
            return
        piece = [self._outgoing.popleft() for _ in range(min(PIECE, len(self._outgoing)))]
        ours = [event for event in piece if self._is_ours(event)]
        if len(ours) < len(piece):
            self._fates.put([(event.id, Fate.FENCED) for event in piece if event not in ours])
        if ours:
            with connection.joined(lambda: all(map(self._is_ours, ours))):
                for event in ours:
                    self._publish(channel, event)
        self._loop.add_callback_threadsafe(self._flush)

    def _publish(self, channel: Channel, event: Outgoing) -> None:
        self._tag += 1
        self._unconfirmed[self._tag] = event.id
        properties = pika.BasicProperties(
            content_type=CONTENT_TYPE, delivery_mode=2, message_id=event.id, type=event.type
        )
        channel.basic_publish(EXCHANGE, event.type, event.body, properties, mandatory=True)

    def _came_back(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        self._returned.add(properties.message_id)

    def _told(self, frame: Any) -> None:
        fate = Fate.CONFIRMED if isinstance(frame.method, pika.spec.Basic.Ack) else Fate.REFUSED
        ids = list(self._settled(frame.method.delivery_tag, frame.method.multiple))
        if not self._returned:
            self._fates.put([(event_id, fate) for event_id in ids])
            return
        self._fates.put([(one, Fate.RETURNED if one in self._returned else fate) for one in ids])
        self._returned.difference_update(ids)

    def _settled(self, tag: int, multiple: bool) -> Iterator[str]:
        if not multiple:
            yield self._unconfirmed.pop(tag)
            return
        for earlier in list(takewhile(lambda known: known <= tag, self._unconfirmed)):
            yield self._unconfirmed.pop(earlier)

    def _blocked(self, _connection: Any, _method: Any) -> None:
        log.warning("broker blocks publishing")
        self.is_blocked = True

    def _unblocked(self, _connection: Any, _method: Any) -> None:
        log.info("broker takes events again")
        self.is_blocked = False
        self._flush()

    def _failed(self, _connection: Any, error: BaseException) -> None:
        log.warning("broker not reached", error=type(error).__name__)
        self._lose(Fate.LOST)
        self._connect_later()

    def _channel_closed(self, _channel: Channel, error: Exception) -> None:
        self._channel = None
        connection = self._connection
        if connection is not None and connection.is_open and not self._stopping:
            log.error("broker closed the channel", error=f"{type(error).__name__}: {error}")
            connection.close()

    def _closed(self, _connection: Any, error: BaseException) -> None:
        overdue = isinstance(error, (ConnectionBlockedTimeout, AMQPHeartbeatTimeout))
        self._lose(Fate.OVERDUE if overdue else Fate.LOST)
        if self._stopping:
            self._loop.stop()
            return
        log.warning("broker connection lost", error=type(error).__name__)
        self._connect_later()

    def _lose(self, fate: Fate) -> None:
        self._channel, self.is_blocked = None, False
        lost = [*self._unconfirmed.values(), *(event.id for event in self._outgoing)]
        self._unconfirmed.clear()
        self._outgoing.clear()
        self._returned.clear()
        self._fates.put([(event_id, fate) for event_id in lost])

    def _connect_later(self) -> None:
        if self._stopping:
            self._loop.stop()
            return
        self._loop.call_later(self._pause, self._connect)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _close(self) -> None:
        self._stopping = True
        connection = self._connection
        if connection is not None and connection.is_open:
            connection.close()
        else:
            self._loop.stop()


class _Declaring:
    """pika's channel in the words of the topology; the broker's refusal closes the channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def exchange_declare(self, exchange: str, kind: str, arguments: Mapping[str, Any]) -> None:
        self._channel.exchange_declare(
            exchange, exchange_type=kind, durable=True, arguments=dict(arguments), callback=_ignore
        )

    def queue_declare(self, queue: str, arguments: Mapping[str, Any]) -> None:
        self._channel.queue_declare(
            queue, durable=True, arguments=dict(arguments), callback=_ignore
        )

    def queue_bind(self, queue: str, exchange: str, routing_key: str) -> None:
        self._channel.queue_bind(queue, exchange, routing_key, callback=_ignore)


def _ignore(_frame: Any) -> None:
    """Declared; a refusal comes by another way."""
