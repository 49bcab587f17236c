"""What the consumer process does with the broker beside taking: declare, publish with confirm."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any

from amqp import Message
from amqp.exceptions import AMQPError
from kombu.connection import Connection
from kombu.exceptions import KombuError

from crm_chassis.events import topology
from crm_chassis.kernel.errors import Unavailable

# How long the broker may take to confirm; while it blocks publishers it does not.
PATIENCE = 10.0
CONNECT_WITHIN = 5.0
# kombu comes with half of its types.
connect: Callable[..., Any] = Connection
PERSISTENT = {"delivery_mode": 2}
Properties = Mapping[str, str]
# What may go wrong with a broker, in the libraries' words.
BROKER_ERRORS: tuple[type[Exception], ...] = (AMQPError, KombuError, OSError)
# AMQP's code for a message that no queue took, and what callers are told then.
_RETURNED = 312
NO_QUEUE = "NO_QUEUE"


class Declaring:
    """A channel of kombu in the words of the topology."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def exchange_declare(self, exchange: str, kind: str, arguments: Mapping[str, Any]) -> None:
        self._channel.exchange_declare(
            exchange, kind, durable=True, auto_delete=False, arguments=dict(arguments)
        )

    def queue_declare(self, queue: str, arguments: Mapping[str, Any]) -> None:
        self._channel.queue_declare(
            queue, durable=True, auto_delete=False, arguments=dict(arguments)
        )

    def queue_bind(self, queue: str, exchange: str, routing_key: str) -> None:
        self._channel.queue_bind(queue, exchange, routing_key)


class Confirming:
    """Publishes one message at a time and returns when the broker has it; for the rare ones.

    It publishes to what is `declared`, which it declares after each connection.
    """

    def __init__(
        self, uri: str, declared: Iterable[topology.Exchange | topology.Queue] = ()
    ) -> None:
        self._uri, self._declared = uri, tuple(declared)
        self._connection: Any = None
        self._turn = Lock()

    def publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        properties: Properties,
        headers: Mapping[str, Any],
    ) -> None:
        """Publish the bytes as they are.

        Raises:
            Unavailable: the broker has not confirmed it; whether it has it is not known. The reason
                is `NO_QUEUE` when it gave it back because no queue takes it.
        """
        with self._turn:
            try:
                channel = self._channel()
                channel.basic_publish(
                    Message(body, application_headers=dict(headers), **properties, **PERSISTENT),
                    exchange,
                    routing_key,
                    mandatory=True,
                    timeout=PATIENCE,
                    confirm_timeout=PATIENCE,
                )
            except BROKER_ERRORS as error:
                # A confirm that comes late must not be taken for the next one's.
                self._drop()
                reason = NO_QUEUE if getattr(error, "reply_code", 0) == _RETURNED else None
                raise Unavailable(f"The broker: {type(error).__name__}", reason=reason) from error

    def check(self) -> None:
        """Do nothing when the broker can be reached.

        Raises:
            Unavailable: it cannot.
        """
        with self._turn:
            try:
                self._channel()
            except BROKER_ERRORS as error:
                self._drop()
                raise Unavailable(f"The broker: {type(error).__name__}") from error

    def close(self) -> None:
        """Close the connection, if there is one."""
        with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(*BROKER_ERRORS):
                    connection.release()

    def _channel(self) -> Any:
        if self._connection is None:
            options = {"confirm_publish": True, "max_retries": 1}
            # Nobody would answer heartbeats between two messages.
            self._connection = connect(
                self._uri, heartbeat=0, connect_timeout=CONNECT_WITHIN, transport_options=options
            )
            for part in self._declared:
                part.declare(Declaring(self._connection.default_channel))
        return self._connection.default_channel

    def _drop(self) -> None:
        """Let go of a connection that may not answer any more."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.collect(socket_timeout=0.1)
