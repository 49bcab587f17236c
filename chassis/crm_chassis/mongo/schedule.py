"""Durable timers: rows that say what is due when, each fired by one worker in one transaction."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo.claiming import LEASE, Change, ClaimLost, claim_row
from crm_chassis.mongo.connection import database
from crm_chassis.telemetry.context import Call, current_call, service_principal

if TYPE_CHECKING:
    from pymongo.collection import Collection as Rows

COLLECTION = "timers"
LONGEST_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that is due and that this worker has claimed, for the `attempts`th time."""

    name: str
    subject: str
    due: datetime
    payload: Mapping[str, Any]
    attempts: int
    claim: str
    correlation_id: str
    causation_id: str
    traceparent: str

    @property
    def key(self) -> str:
        """What there is one row of."""
        return _key(self.name, self.subject)

    def call(self, service: str) -> Call:
        """The work that firing it is: the service's own, caused by what scheduled it."""
        return Call(
            service_principal(service),
            request_id=new_id(),
            method=f"timer/{self.name}",
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            traceparent=self.traceparent,
        )


def schedule(
    tx: Change, timer: str, subject: str, due: datetime, payload: Mapping[str, Any] | None = None
) -> None:
    """Let `timer` fire for `subject` when it is `due`; a second call changes when.

    `timer` is the name under which the service's worker knows what to do.
    """
    call = current_call()
    row = {
        "timer": timer,
        "subject": subject,
        "due": due,
        "ready": due,
        "payload": dict(payload or {}),
        "attempts": 0,
        "correlation_id": call.correlation_id or call.request_id,
        "causation_id": call.causation_id or call.request_id,
        "traceparent": call.traceparent,
    }
    _rows().replace_one({"_id": _key(timer, subject)}, row, upsert=True, session=tx.session)


def cancel(tx: Change, timer: str, subject: str) -> bool:
    """Let it not fire; tells whether it would have."""
    outcome = _rows().delete_one({"_id": _key(timer, subject)}, session=tx.session)
    return outcome.deleted_count == 1


def claim(timers: Collection[str], lease: timedelta = LEASE) -> Timer | None:
    """The timer of these names that waits the longest, this worker's while the lease lasts."""
    row = claim_row(_rows(), of_names(timers), lease)
    if row is None:
        return None
    same = {name: row[name] for name in Timer.__slots__ if name != "name"}
    return Timer(name=row["timer"], **same)


def complete(tx: Change, timer: Timer) -> None:
    """Take the timer away in the transaction of its effect. Its handler may schedule it anew.

    Raises:
        ClaimLost: it was claimed by another worker, scheduled anew or cancelled since.
    """
    outcome = _rows().delete_one({"_id": timer.key, "claim": timer.claim}, session=tx.session)
    if outcome.deleted_count != 1:
        raise ClaimLost(timer.key)


def put_off(timer: Timer, error: str) -> None:
    """Remember why a timer failed, and let it fire again later, each time twice as much later."""
    moment = now()
    pause = min(timedelta(seconds=2 ** min(timer.attempts - 1, 20)), LONGEST_PAUSE)
    failed = {"ready": moment + pause, "error": error, "error_time": moment}
    _rows().update_one(
        {"_id": timer.key, "claim": timer.claim}, {"$set": failed, "$unset": {"claim": ""}}
    )


def of_names(timers: Collection[str]) -> dict[str, Any]:
    """The condition for timers of these names."""
    return {"timer": {"$in": list(timers)}}


def _key(timer: str, subject: str) -> str:
    return f"{timer} {subject}"


def _rows() -> "Rows[dict[str, Any]]":
    return database()[COLLECTION]
