"""What becomes of a message that was not taken: one tier after the other, then the dead letters.

The attempts are counted in headers of our own, because a broker may ignore those of its own that a
client sends. A message is published anew, and confirmed, before the old one is acknowledged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from traceback import extract_tb
from typing import Any, Literal

from crm_chassis.consuming.broker import Confirming
from crm_chassis.consuming.deliveries import Delivery
from crm_chassis.events import topology
from crm_chassis.kernel.clock import now, rfc3339
from crm_chassis.kernel.errors import Refusal

ATTEMPT = "x-crm-attempt"
FIRST_FAILED = "x-crm-first-failed-at"
LAST_FAILED = "x-crm-last-failed-at"
LAST_ERROR = "x-crm-last-error"
REASON = "x-crm-reason"
QUEUE = "x-crm-queue"
UNDECODABLE = "UNDECODABLE"
OURS = (ATTEMPT, FIRST_FAILED, LAST_FAILED, LAST_ERROR, REASON, QUEUE)


@dataclass(frozen=True, slots=True)
class Retries:
    """Where a service's failed messages go."""

    service: str
    broker: Confirming
    tiers: Sequence[float] = topology.RETRY_TIERS

    def put_off(self, delivery: Delivery, queue: str, error: Exception) -> Literal["retry", "dead"]:
        """Have the message come back to its queue later, or never after the last tier.

        Raises:
            Unavailable: the broker did not confirm; the delivery is not settled.
        """
        attempt = attempts_of(delivery.headers) + 1
        if attempt > len(self.tiers):
            self.bury(delivery, queue, kind_of(error), place_of(error))
            return "dead"
        tier = topology.retry_name(self.service, self.tiers[attempt - 1])
        headers = _headers(delivery, attempt, kind_of(error), place_of(error))
        self.broker.publish(tier, queue, delivery.body, delivery.texts, headers)
        delivery.acknowledge()
        return "retry"

    def bury(self, delivery: Delivery, queue: str, reason: str, place: str = "") -> None:
        """Send the message to the dead letters, byte for byte.

        Raises:
            Unavailable: the broker did not confirm; the delivery is not settled.
        """
        attempt = attempts_of(delivery.headers) + 1
        headers = {**_headers(delivery, attempt, reason, place), QUEUE: queue}
        name = topology.dead_letter_name(self.service)
        self.broker.publish(topology.DIRECTLY, name, delivery.body, delivery.texts, headers)
        delivery.acknowledge()


def attempts_of(headers: Mapping[str, Any]) -> int:
    """How often the message was tried before, as far as its header can be read."""
    told = headers.get(ATTEMPT, 0)
    return told if isinstance(told, int) and told > 0 else 0


def kind_of(error: Exception) -> str:
    """The kind of an error: its words may quote a person's data, and stay behind."""
    kind = type(error).__name__
    return f"{kind}/{error.reason}" if isinstance(error, Refusal) else kind


def place_of(error: Exception) -> str:
    """Where an error was raised: `reactions.py:31 keep_names`."""
    frames = extract_tb(error.__traceback__)
    if not frames:
        return ""
    last = frames[-1]
    return f"{last.filename.rpartition('/')[2]}:{last.lineno} {last.name}"


def _headers(delivery: Delivery, attempt: int, reason: str, place: str) -> dict[str, Any]:
    moment = rfc3339(now())
    foreign = {
        name: value
        for name, value in delivery.headers.items()
        if name not in OURS and not name.startswith(("x-death", "x-first-death", "x-last-death"))
    }
    return {
        **foreign,
        ATTEMPT: attempt,
        FIRST_FAILED: delivery.headers.get(FIRST_FAILED, moment),
        LAST_FAILED: moment,
        LAST_ERROR: f"{reason} at {place}" if place else reason,
        REASON: reason,
    }
