"""Long work: one row for each operation, carried on step by step by the worker that claimed it."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crm.api.v1 import operations_pb2
from pymongo import ReturnDocument

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import NotFound
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo.claiming import LEASE, Change, ClaimLost, claim_row
from crm_chassis.mongo.connection import database
from crm_chassis.telemetry.context import Call, Principal, current_call

if TYPE_CHECKING:
    from pymongo.collection import Collection as Rows

LONGEST_PAUSE = timedelta(minutes=2)
COLLECTION = "operations"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """Long work that this worker has claimed, as it stood when its last step was stored.

    `cursor` is where the next step begins, in the handler's own terms (None: at the start);
    `attempts` counts the claims since the last step that was stored.
    """

    id: str
    kind: str
    payload: Mapping[str, Any]
    cursor: Any
    processed: int
    succeeded: int
    failed: int
    cancel_requested: bool
    done: bool
    attempts: int
    claim: str
    call: Call


@dataclass(frozen=True, slots=True)
class Progress:
    """What one step did: where the next begins, and how much was looked at, done and not done.

    The step whose progress has a `response` is the last one.
    """

    cursor: Any
    processed: int = 0
    succeeded: int = 0
    failed: int = 0
    total: int | None = None
    response: Mapping[str, Any] | None = None


def start(tx: Change, service: str, kind: str, payload: Mapping[str, Any], total: int = 0) -> Row:
    """Store new work for the service's worker, to be done with the caller's rights."""
    call = current_call()
    row = {
        "_id": f"{service}.{new_id()}",
        "kind": kind,
        "payload": dict(payload),
        "cursor": None,
        "total": total,
        **dict.fromkeys(("processed", "succeeded", "failed", "attempts"), 0),
        "cancel_requested": False,
        "done": False,
        "create_time": tx.now,
        "update_time": tx.now,
        "ready": tx.now,
        "owner": call.principal.user,
        "teams": sorted(call.principal.teams),
        "caller": _row_of_call(call),
    }
    _rows().insert_one(row, session=tx.session)
    return row


def find(operation_id: str, visible: Mapping[str, Any] | None = None) -> Row:
    """The row of an operation, where the condition `visible` holds for it.

    Raises:
        NotFound: there is none.
    """
    row = _rows().find_one({"$and": [{"_id": operation_id}, visible or {}]})
    if row is None:
        raise NotFound(f"There is no operation {operation_id}.")
    return row


def request_cancel(operation_id: str, visible: Mapping[str, Any] | None = None) -> Row:
    """Ask for an operation to stop at its next step. One that has ended stays as it is.

    Raises:
        NotFound: there is none, or `visible` does not hold for it.
    """
    _rows().update_one(
        {"$and": [{"_id": operation_id, "done": False}, visible or {}]},
        {"$set": {"cancel_requested": True}},
    )
    return find(operation_id, visible)


def claim(kinds: Collection[str], lease: timedelta = LEASE) -> Operation | None:
    """The work of these kinds that waits the longest, this worker's alone while the lease lasts."""
    row = claim_row(_rows(), of_kinds(kinds), lease)
    return _operation(row) if row else None


def of_kinds(kinds: Collection[str]) -> dict[str, Any]:
    """The condition for work of these kinds."""
    return {"kind": {"$in": list(kinds)}}


def renew(operation: Operation, lease: timedelta = LEASE) -> bool:
    """Keep the claim for another lease; tells whether it was still this worker's."""
    outcome = _rows().update_one(_claimed(operation), {"$set": {"ready": now() + lease}})
    return outcome.matched_count == 1


def advance(
    tx: Change, operation: Operation, progress: Progress, lease: timedelta = LEASE
) -> Operation:
    """Store a step's progress in the transaction of its effect, and keep the claim.

    Raises:
        ClaimLost: another worker has taken the operation over.
    """
    changes = {"cursor": progress.cursor, "attempts": 0, "update_time": tx.now}
    if progress.total is not None:
        changes["total"] = progress.total
    if progress.response is not None:
        return _stored(tx, operation, _ending({**changes, "response": progress.response}, progress))
    changes["ready"] = now() + lease
    return _stored(tx, operation, {"$set": changes, "$inc": _counts(progress)})


def fail(operation: Operation, reason: str, detail: str) -> bool:
    """End an operation without a result; tells whether the claim was still this worker's."""
    error = {"reason": reason, "detail": detail}
    change = _ending({"error": error, "update_time": now()}, Progress(None))
    return _rows().update_one(_claimed(operation), change).matched_count == 1


def put_off(operation: Operation, error: str) -> int:
    """Remember why a step failed, and let a worker try it again later, each time twice as much.

    Gives the attempts since the last step that was stored.
    """
    row = _rows().find_one(_claimed(operation), {"attempts": 1})
    attempts = int(row["attempts"]) if row else 0
    again = now() + min(timedelta(seconds=2 ** min(attempts, 20)), LONGEST_PAUSE)
    _rows().update_one(
        _claimed(operation),
        {"$set": {"ready": again, "last_error": error}, "$unset": {"claim": ""}},
    )
    return attempts


def release(operation: Operation) -> None:
    """Give the claim back between two steps, so that another worker carries on at once."""
    _rows().update_one(
        _claimed(operation), {"$set": {"ready": now(), "attempts": 0}, "$unset": {"claim": ""}}
    )


def to_message(row: Row) -> operations_pb2.Operation:
    """The operation as callers see it."""
    message = operations_pb2.Operation(name=f"{COLLECTION}/{row['_id']}", done=row["done"])
    for name in ("kind", "total", "processed", "succeeded", "failed", "cancel_requested"):
        setattr(message.metadata, name, row[name])
    message.metadata.create_time.FromDatetime(row["create_time"])
    message.metadata.update_time.FromDatetime(row["update_time"])
    if row.get("error"):
        message.error.reason = row["error"]["reason"]
        message.error.detail = row["error"]["detail"]
    if row.get("response") is not None:
        message.response.update(row["response"])
    return message


def _ending(changes: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    return {
        "$set": {**changes, "done": True},
        "$inc": _counts(progress),
        "$unset": {"ready": "", "claim": "", "caller": ""},
    }


def _counts(progress: Progress) -> dict[str, int]:
    return {name: getattr(progress, name) for name in ("processed", "succeeded", "failed")}


def _stored(tx: Change, operation: Operation, change: Mapping[str, Any]) -> Operation:
    row = _rows().find_one_and_update(
        _claimed(operation),
        change,
        return_document=ReturnDocument.AFTER,
        session=tx.session,
    )
    if row is None:
        raise ClaimLost(operation.id)
    return _operation({"claim": operation.claim, "caller": _row_of_call(operation.call), **row})


def _claimed(operation: Operation) -> dict[str, Any]:
    return {"_id": operation.id, "claim": operation.claim}


def _operation(row: Row) -> Operation:
    names = [name for name in Operation.__slots__ if name not in {"id", "call"}]
    same = {name: row[name] for name in names}
    return Operation(id=row["_id"], call=_call(row), **same)


def _row_of_call(call: Call) -> dict[str, Any]:
    principal = asdict(call.principal)
    principal["teams"] = sorted(call.principal.teams)
    principal["team_scope"] = sorted(call.principal.team_scope)
    names = ("request_id", "collection", "action", "correlation_id", "traceparent")
    return {"principal": principal, **{name: getattr(call, name) for name in names}}


def _call(row: Row) -> Call:
    """The work that a step is: the caller's, caused by the operation."""
    caller = dict(row["caller"])
    principal = dict(caller.pop("principal"))
    principal["teams"] = frozenset(principal["teams"])
    principal["team_scope"] = frozenset(principal["team_scope"])
    return Call(
        principal=Principal(**principal),
        method=f"operation/{row['kind']}",
        causation_id=f"{COLLECTION}/{row['_id']}",
        **caller,
    )


def _rows() -> "Rows[dict[str, Any]]":
    return database()[COLLECTION]
