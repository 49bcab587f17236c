"""Messages as the broker delivered them, and how they are settled."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from amqp.serialization import PROPERTY_CLASSES, decode_properties_basic
from amqp.spec import Basic

from crm_chassis.consuming.broker import BROKER_ERRORS

# What of a message's AMQP properties goes with it wherever it goes.
_KEPT = ("content_type", "content_encoding", "message_id", "correlation_id", "type", "app_id")


class Delivery:
    """A message that is ours until it is acknowledged or its connection is lost.

    It stands in for kombu's own class, which unpacks what it takes for compressed.
    """

    __slots__ = (
        "accept",
        "arrived",
        "body",
        "channel",
        "errors",
        "headers",
        "is_settled",
        "properties",
        "tag",
    )

    def __init__(self, raw: Any, channel: Any) -> None:
        self.body: bytes = raw.body.encode() if isinstance(raw.body, str) else bytes(raw.body)
        self.headers: Mapping[str, Any] = raw.properties.get("application_headers") or {}
        self.properties: Mapping[str, Any] = raw.properties
        self.channel = channel
        self.tag: int = raw.delivery_tag
        self.arrived = monotonic()
        self.is_settled = False
        self.errors = self.accept = None  # kombu looks at these

    @property
    def texts(self) -> dict[str, str]:
        """What it says of itself beside the headers."""
        told = self.properties
        return {name: storable(told[name]) for name in _KEPT if told.get(name)}

    @property
    def is_lost(self) -> bool:
        """Whether its connection is gone: the broker delivers it again."""
        return self.channel.connection is None

    def acknowledge(self) -> None:
        """Tell the broker that it is done with."""
        acknowledge_all([self], together=False)


def bear_any_properties() -> None:
    """Let a message pass whose AMQP properties cannot be read: without them.

    amqp gives up the process's connection instead, and the same message comes again: from the dead
    letters for ever.
    """
    PROPERTY_CLASSES[Basic.CLASS_ID] = _properties_in


def _properties_in(header: Any, offset: int) -> tuple[dict[str, Any], int]:
    try:
        found: tuple[dict[str, Any], int] = decode_properties_basic(header, offset)
    except Exception:  # noqa: BLE001 - bytes of strangers: whatever they cause, the body is kept
        return {}, offset
    return found


def storable(told: Any) -> str:
    """What a stranger wrote into a header or property, as a text that can be stored."""
    return str(told).encode("utf-8", "replace").decode("utf-8")


def acknowledge_all(deliveries: Sequence[Delivery], *, together: bool = True) -> None:
    """Tell the broker that these are done with; `together`: all before them on the channel too."""
    for delivery in deliveries:
        delivery.is_settled = True
    told = deliveries[-1:] if together else deliveries
    # Where the connection ends at this moment, they come again and are known.
    with suppress(*BROKER_ERRORS):
        for delivery in told:
            if not delivery.is_lost:
                delivery.channel.basic_ack(delivery.tag, multiple=together)
