"""The answers to idempotency keys: a repetition gets the same one and has no second effect.

An answer may hold what nobody is to read twice, a secret or a person's data, so it is sealed
(AES-256-GCM, NIST SP 800-38D) with a key that only whoever repeats the request can bring along.
"""

import hmac
import os
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pymongo.errors import OperationFailure

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import KeyInUse, KeyReused
from crm_chassis.mongo.connection import database
from crm_chassis.telemetry.context import Idempotency

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession

KEPT = timedelta(hours=24)
_WRITE_CONFLICT = 112
_NONCE = 12


class Replay(Exception):
    """The request was answered before; `answer` is that answer's message in bytes."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("answered before")
        self.answer = answer


def asked_with(scope: str, fingerprint: str) -> Idempotency:
    """What a repetition is recognised by; `scope` holds principal, method and the raw key.

    Of the scope the database learns a digest, from which the sealing key does not follow.
    """
    told = scope.encode()
    sealing_key = hmac.digest(b"crm.idempotency.answer.v1", told, "sha256")
    return Idempotency(sha256(told).hexdigest(), fingerprint, sealing_key)


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
    raise Replay(_opened(asked, row["answer"]))


def remember(asked: Idempotency, answer: bytes, session: "ClientSession") -> None:
    """Keep the answer, in the transaction that made it true.

    Raises:
        KeyInUse: another request with the key is just being answered.
    """
    row: dict[str, Any] = {
        "_id": asked.key_digest,
        "fingerprint": asked.fingerprint,
        "answer": _sealed(asked, answer),
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


def _sealed(asked: Idempotency, answer: bytes) -> bytes:
    if not asked.sealing_key:
        return answer
    nonce = os.urandom(_NONCE)
    bound = asked.key_digest.encode()
    return nonce + AESGCM(asked.sealing_key).encrypt(nonce, answer, bound)


def _opened(asked: Idempotency, stored: bytes) -> bytes:
    if not asked.sealing_key:
        return stored
    bound = asked.key_digest.encode()
    return AESGCM(asked.sealing_key).decrypt(stored[:_NONCE], stored[_NONCE:], bound)
