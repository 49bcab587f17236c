"""What there is on the broker: names, arguments and bindings, and the one place that declares them.

Events go to one topic exchange. A subscription has a quorum queue of its own, bound by its pattern;
a service has one queue for each retry tier and one for dead letters, shared by its subscriptions.
There is no alternate exchange: publishers set `mandatory`, and an event that no queue takes comes
back to its relay, which keeps it and says so.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

EXCHANGE = "crm.events"
# To the queue that the routing key names.
DIRECTLY = ""
RETRY_TIERS = (5.0, 30.0, 120.0, 600.0, 3600.0)
# A message that ends the process each time it is taken would do so for ever; counted by the broker.
DELIVERY_LIMIT = 20
_WORDS = {"*": r"[^.]+\.", "#": r"(?:[^.]+\.)*"}
_UNITS = (("h", 3600), ("m", 60), ("s", 1))


class Channel(Protocol):
    """A channel of any AMQP library, as far as declaring needs it."""

    def exchange_declare(self, exchange: str, kind: str, arguments: Mapping[str, Any]) -> None: ...

    def queue_declare(self, queue: str, arguments: Mapping[str, Any]) -> None: ...

    def queue_bind(self, queue: str, exchange: str, routing_key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str

    def declare(self, channel: Channel) -> None:
        """Make sure that it is there."""
        channel.exchange_declare(self.name, self.kind, {})


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue and what is bound to it, as (exchange, pattern)."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    bindings: Sequence[tuple[str, str]] = ()

    def declare(self, channel: Channel) -> None:
        """Make sure that it is there."""
        channel.queue_declare(self.name, {"x-queue-type": "quorum", **self.arguments})
        for exchange, pattern in self.bindings:
            channel.queue_bind(self.name, exchange, pattern)


EVENTS = Exchange(EXCHANGE, "topic")


def queue_name(service: str, method: str) -> str:
    """The queue of a subscription: `sales.contacts-changed`."""
    return f"{service}.{method.replace('_', '-')}"


def matches(pattern: str, key: str) -> bool:
    """Whether a topic exchange hands a message with that routing key to a queue bound so."""
    words = [_WORDS.get(word, re.escape(word) + r"\.") for word in pattern.split(".")]
    return re.fullmatch("".join(words), f"{key}.") is not None


def dead_letter_name(service: str) -> str:
    """The queue where a service's dead letters wait until they are stored as rows."""
    return f"{service}.dlq"


def retry_name(service: str, seconds: float) -> str:
    """The exchange and the queue of a retry tier: `sales.retry.30s`.

    The routing key of what is published there is the queue that it comes back to.
    """
    return f"{service}.retry.{_words(seconds)}"


def subscription(service: str, method: str, patterns: Sequence[str]) -> Queue:
    """The queue of a subscription.

    What the broker itself gives up (its limit of deliveries) goes to the dead letters, and leaves
    this queue only when it has arrived there; `reject-publish` is what that needs, the queue has
    no length at which it would reject.
    """
    return Queue(
        queue_name(service, method),
        {"x-delivery-limit": DELIVERY_LIMIT, **_then(dead_letter_name(service))},
        [(EXCHANGE, pattern) for pattern in patterns],
    )


def retries(service: str, tiers: Sequence[float] = RETRY_TIERS) -> Iterator[Exchange | Queue]:
    """What holds failed messages back for each tier's time and then hands them to their queue."""
    for seconds in tiers:
        name = retry_name(service, seconds)
        yield Exchange(name, "fanout")
        wait = {"x-message-ttl": round(seconds * 1000), **_then(None)}
        yield Queue(name, wait, [(name, "")])


def dead_letters(service: str) -> Queue:
    """The queue of a service's dead letters."""
    return Queue(dead_letter_name(service))


def _then(routing_key: str | None) -> dict[str, Any]:
    """Where a queue passes on what it may not keep; without a key to where the message names."""
    arguments = {
        "x-dead-letter-exchange": DIRECTLY,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    return (
        arguments if routing_key is None else arguments | {"x-dead-letter-routing-key": routing_key}
    )


def _words(seconds: float) -> str:
    for unit, length in _UNITS:
        if seconds >= length and seconds % length == 0:
            return f"{int(seconds // length)}{unit}"
    return f"{round(seconds * 1000)}ms"
