"""Decisions about deliveries: plain values in, plain values out."""

import hmac
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from crm_chassis.kernel.errors import NotFound
from crm_chassis.kernel.ids import container_of, id_of

PENDING, SENT, SUPPRESSED = "PENDING", "SENT", "SUPPRESSED"
FAILED, UNKNOWN = "FAILED", "UNKNOWN"
# No state: nothing was accepted, and it is tried again.
LATER = "LATER"
# What is announced of a delivery that has come to a state.
WORDS = {SENT: "sent", SUPPRESSED: "suppressed", FAILED: "failed", UNKNOWN: "lost"}
STATES = (PENDING, *WORDS)

# How often a mail is offered that the server does not want yet, and how long is waited between:
# twice as long each time, from seconds to an hour, about half a day in all.
MOST_TRIES = 20
LONGEST_PAUSE = timedelta(hours=1)
# When the owner of contacts does not answer.
UNASKED_PAUSE = timedelta(seconds=5)

_DELIVERIES = UUID("0190b0c4-6465-7c69-8e65-72696573006f")
_SIGNATURE = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery when it was its turn.

    `state` is one of the states it ends in, or LATER; `was_tried` tells whether that counts as a
    try of many.
    """

    state: str
    reason: str = ""
    address: str = ""
    time: datetime | None = None
    was_tried: bool = True

    def row(self) -> dict[str, Any]:
        """What is noted of it at once, beside the delivery."""
        told = {"state": self.state, "reason": self.reason, "time": self.time}
        return {**told, "was_tried": self.was_tried}

    @classmethod
    def of_row(cls, row: Mapping[str, Any], address: str) -> "Outcome":
        """What was noted."""
        return cls(row["state"], row["reason"], address, row["time"], row["was_tried"])


# It was offered, or may have been, and nobody can tell more.
LOST = Outcome(UNKNOWN, "NO_ANSWER")


@dataclass(frozen=True, slots=True)
class Note:
    """What is noted beside deliveries: what became of some, and the attempt that begins of one."""

    told: Mapping[str, Outcome]
    begun: tuple[str, Mapping[str, Any]] | None = None


def delivery_id(campaign: str, contact: str) -> str:
    """The id of what a campaign sends to a contact: there is one, however often it is planned."""
    return str(uuid5(_DELIVERIES, f"{campaign} {contact}"))


def pause_after(tries: int) -> timedelta:
    """How long a mail waits that was offered so many times."""
    return min(timedelta(seconds=2**tries), LONGEST_PAUSE)


def settled_row(before: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    """The row of a delivery that has come to its end."""
    row = {name: value for name, value in before.items() if name not in _ON_ITS_WAY}
    row["state"] = outcome.state
    if outcome.address:
        row["address"] = outcome.address
    if outcome.reason:
        row["reason"] = outcome.reason
    if outcome.state == SENT:
        row["send_time"] = outcome.time
    return row


_ON_ITS_WAY = frozenset({"ready", "tries", "attempt", "outcome"})


def link_token(delivery: str, key: bytes) -> str:
    """What the link in a mail says: which delivery it is about, signed."""
    campaign = UUID(id_of(container_of(delivery) or ""))
    named = campaign.bytes + UUID(id_of(delivery)).bytes
    return urlsafe_b64encode(named + _signed(named, key)).decode()


def delivery_of_token(token: str, key: bytes) -> str:
    """The name of the delivery that a token is about.

    Raises:
        NotFound: it was not signed with the key.
    """
    try:
        told = b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        raise NotFound("There is no such link.") from None
    named, signature = told[:32], told[32:]
    if len(named) != 32 or not hmac.compare_digest(signature, _signed(named, key)):
        raise NotFound("There is no such link.")
    campaign, delivery = UUID(bytes=named[:16]), UUID(bytes=named[16:])
    return f"campaigns/{campaign}/deliveries/{delivery}"


def _signed(named: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"unsubscribe " + named, "sha256")[:_SIGNATURE]
