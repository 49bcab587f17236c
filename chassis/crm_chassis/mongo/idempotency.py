"""The answers to idempotency keys: a repetition gets the same one and has no second effect."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pymongo.errors import OperationFailure

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import KeyInUse, KeyReused
from crm_chassis.mongo.connection import database
from crm_chassis.telemetry.context import Idempotency

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession

KEPT = timedelta(hours=24)
_WRITE_CONFLICT = 112


class Replay(Exception):
    """The request was answered before; `answer` is that answer's message in bytes."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("answered before")
        self.answer = answer


def recall(asked: Idempotency, session: "ClientSession | None" = None) -> None:
    """Do nothing when the key is new.

    Raises:
        Replay: the same request was answered before.
        KeyReused: another request was.
    """
    row = database()["idempotency"].find_one({"_id": asked.key_digest}, session=session)
    if row is None or row["time"] < now() - KEPT:
        return
    if row["fingerprint"] != asked.fingerprint:
        raise KeyReused("The idempotency key was used for another request.")
    raise Replay(row["answer"])


def remember(asked: Idempotency, answer: bytes, session: "ClientSession") -> None:
    """Keep the answer, in the transaction that made it true.

    Raises:
        KeyInUse: another request with the key is just being answered.
    """
    row: dict[str, Any] = {
        "_id": asked.key_digest,
        "fingerprint": asked.fingerprint,
        "answer": answer,
        "time": now(),
    }
    try:
        database()["idempotency"].replace_one(
            {"_id": asked.key_digest, "time": {"$lt": row["time"] - KEPT}},
            row,
            upsert=True,
            session=session,
        )
    except OperationFailure as failure:
        if failure.code != _WRITE_CONFLICT:
            raise
        raise KeyInUse("A request with this key is still running.", retry_after=1) from failure
