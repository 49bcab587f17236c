"""Errors on the wire: one table from kinds of refusal to codes of gRPC and HTTP, both ways."""

from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from crm_chassis.kernel import errors
from crm_chassis.kernel.errors import Flaw, Refusal

# The kind of refusal -> the code on the wire and the status at the edge.
STATUS: Mapping[str, tuple[grpc.StatusCode, int]] = {
    "Invalid": (grpc.StatusCode.INVALID_ARGUMENT, 400),
    "Unauthenticated": (grpc.StatusCode.UNAUTHENTICATED, 401),
    "Forbidden": (grpc.StatusCode.PERMISSION_DENIED, 403),
    "NotFound": (grpc.StatusCode.NOT_FOUND, 404),
    "Exists": (grpc.StatusCode.ALREADY_EXISTS, 409),
    "Conflict": (grpc.StatusCode.ABORTED, 409),
    "KeyInUse": (grpc.StatusCode.ABORTED, 409),
    "Stale": (grpc.StatusCode.ABORTED, 412),
    "TooLarge": (grpc.StatusCode.INVALID_ARGUMENT, 413),
    "NotAllowed": (grpc.StatusCode.FAILED_PRECONDITION, 422),
    "KeyReused": (grpc.StatusCode.FAILED_PRECONDITION, 422),
    "MissingPrecondition": (grpc.StatusCode.FAILED_PRECONDITION, 428),
    "TooMany": (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
    "Unavailable": (grpc.StatusCode.UNAVAILABLE, 503),
    "Overdue": (grpc.StatusCode.DEADLINE_EXCEEDED, 504),
}
# What a status means that came without a kind: from the transport, not from a service of ours.
_KINDS: Mapping[grpc.StatusCode, type[Refusal]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.Invalid,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: errors.Forbidden,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.Exists,
    grpc.StatusCode.ABORTED: errors.Conflict,
    grpc.StatusCode.FAILED_PRECONDITION: errors.NotAllowed,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.Overdue,
}
HIDDEN = "Something went wrong on our side."
DETAILS = "grpc-status-details-bin"
# How many flaws a refusal tells of: as many as a request may name resources.
MOST_FLAWS = 1_000


def status_of(refusal: Refusal, domain: str) -> grpc.Status:
    """What goes over the wire of a refusal; `domain` is the service's (`contacts.crm`)."""
    kind = kind_of(refusal)
    code = STATUS[kind][0]
    details = [_packed(_reason(refusal.reason, domain, kind))]
    if refusal.flaws:
        details.append(_packed(_bad_request(refusal.flaws[:MOST_FLAWS])))
    if refusal.retry_after is not None:
        details.append(_packed(_retry_info(refusal.retry_after)))
    return _status(code, refusal.detail, details)


def internal(domain: str, trace_id: str) -> grpc.Status:
    """What goes over the wire of an error that nobody expected: nothing of it but where to look."""
    info = error_details_pb2.ErrorInfo(reason="INTERNAL", domain=domain)
    info.metadata["trace_id"] = trace_id
    return _status(grpc.StatusCode.INTERNAL, HIDDEN, [_packed(info)])


def unimplemented(path: str) -> grpc.Status:
    """What goes over the wire of an RPC that a process does not answer, as servers say it."""
    return _status(grpc.StatusCode.UNIMPLEMENTED, f"{path} is not answered here.", [])


def kind_of(refusal: Refusal) -> str:
    """The name in the table: the refusal's class, or the one that it specialises."""
    return next(kind.__name__ for kind in type(refusal).__mro__ if kind.__name__ in STATUS)


def refusal_of(error: Any) -> Refusal:
    """The refusal that a peer's `grpc.RpcError` tells; `Unavailable` when the peer failed."""
    if not hasattr(error, "code"):
        return errors.Unavailable("The caller went away.")
    told = rpc_status.from_call(error)
    if told is not None and told.details:
        found = _told(told)
        if found is not None:
            return found
    kind = _KINDS.get(error.code(), errors.Unavailable)
    return kind(error.details() or "A service did not answer.")


def _told(status: status_pb2.Status) -> Refusal | None:
    kind: type[Refusal] | None = None
    reason, flaws, retry_after = "", [], None
    for packed in status.details:
        if packed.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo.FromString(packed.value)
            name = info.metadata["kind"]
            kind, reason = (getattr(errors, name) if name in STATUS else None), info.reason
        elif packed.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest.FromString(packed.value)
            flaws = [
                Flaw(each.field, each.reason, each.description) for each in bad.field_violations
            ]
        elif packed.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            delay = error_details_pb2.RetryInfo.FromString(packed.value).retry_delay
            retry_after = delay.ToTimedelta().total_seconds()
    if kind is None:
        return None
    return kind(status.message, *flaws, reason=reason, retry_after=retry_after)


def _reason(reason: str, domain: str, kind: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata={"kind": kind})


def _bad_request(flaws: tuple[Flaw, ...]) -> error_details_pb2.BadRequest:
    return error_details_pb2.BadRequest(
        field_violations=[
            {"field": flaw.field, "reason": flaw.reason, "description": flaw.description}
            for flaw in flaws
        ]
    )


def _retry_info(seconds: float) -> error_details_pb2.RetryInfo:
    delay = Duration()
    delay.FromMilliseconds(int(seconds * 1000))
    return error_details_pb2.RetryInfo(retry_delay=delay)


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _status(code: grpc.StatusCode, message: str, details: list[any_pb2.Any]) -> grpc.Status:
    number: int = code.value[0]
    status: grpc.Status = rpc_status.to_status(
        status_pb2.Status(code=number, message=message, details=details)
    )
    return status
