"""Problems: every refusal as `application/problem+json` (RFC 9457), wherever it came from."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import grpc
import orjson
from google.rpc import error_details_pb2, status_pb2
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response

from crm_chassis.kernel.errors import Refusal
from crm_chassis.rpc.errors import STATUS
from crm_gateway.transcoding.faults import Fault, Malformed, join
from crm_gateway.transcoding.paths import camel_case
from crm_gateway.transcoding.wording import Wording, steps_of

MEDIA_TYPE = "application/problem+json"
HIDDEN = "Something went wrong on our side."
RETRIED = (429, 503)

# What a status says that carries no kind of refusal: it comes from the transport.
_CODES: Mapping[grpc.StatusCode, tuple[int, str, str]] = {
    grpc.StatusCode.INVALID_ARGUMENT: (400, "INVALID_REQUEST", "The request is not valid."),
    grpc.StatusCode.NOT_FOUND: (404, "NOT_FOUND", "There is no such resource."),
    grpc.StatusCode.ALREADY_EXISTS: (409, "ALREADY_EXISTS", "It is there already."),
    grpc.StatusCode.ABORTED: (409, "CONFLICT", "Somebody changed it at the same moment."),
    grpc.StatusCode.PERMISSION_DENIED: (403, "PERMISSION_DENIED", "You may not do this."),
    grpc.StatusCode.UNAUTHENTICATED: (401, "UNAUTHENTICATED", "It is not known who asks."),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (429, "OVERLOADED", "The service has too much to do."),
    grpc.StatusCode.UNAVAILABLE: (503, "UNAVAILABLE", "The service does not answer."),
    grpc.StatusCode.CANCELLED: (503, "UNAVAILABLE", "The service stopped answering."),
    grpc.StatusCode.DEADLINE_EXCEEDED: (504, "TIMEOUT", "The service did not answer in time."),
    grpc.StatusCode.UNIMPLEMENTED: (501, "NOT_IMPLEMENTED", "The service does not know this yet."),
}
# What is refused before any of our code has looked at it.
_REFUSED: Mapping[int, tuple[str, str]] = {
    400: ("MALFORMED_REQUEST", "The request cannot be read."),
    404: ("NOT_FOUND", "There is nothing at this path."),
    405: ("METHOD_NOT_ALLOWED", "The path does not know this method."),
    413: ("TOO_LARGE", "The body is larger than what is taken here."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The body is of another type than what is taken here."),
}


@dataclass(frozen=True)
class Problem:
    """What a caller is told."""

    status: int
    reason: str
    detail: str
    errors: tuple[Fault, ...] = ()
    retry_after: float | None = None
    allow: Iterable[str] | None = None
    # How a 401 asks for a key (RFC 9110, 11.6.1).
    challenge: str = "Bearer"

    def document(self, request_id: str) -> dict[str, Any]:
        """The problem as RFC 9457 writes it, with members of our own."""
        said: dict[str, Any] = {
            "type": f"urn:crm:problem:{self.reason.lower().replace('_', '-')}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "reason": self.reason,
            "instance": request_id,
        }
        if self.errors:
            said["errors"] = [_error(fault) for fault in self.errors]
        return said

    def response(self, request_id: str, members: Mapping[str, Any] | None = None) -> Response:
        """The HTTP response that tells it, with more `members` of its own (RFC 9457, 3.2)."""
        said = {**self.document(request_id), **(members or {})}
        answer = Response(orjson.dumps(said), self.status, content_type=MEDIA_TYPE)
        if self.status in RETRIED or self.retry_after is not None:
            answer.headers["Retry-After"] = str(max(1, math.ceil(self.retry_after or 1)))
        if self.status == 401:
            answer.headers["WWW-Authenticate"] = self.challenge
        if self.allow:
            answer.headers["Allow"] = ", ".join(sorted(self.allow))
        return answer


def problem_of(error: Exception, wording: Wording | None = None) -> Problem:
    """What a caller is told of an error; nothing of what is inside when we did not expect it."""
    if isinstance(error, Malformed):
        return Problem(400, "MALFORMED_REQUEST", "The request cannot be read.", error.faults)
    if isinstance(error, Refusal):
        return _of_refusal(error)
    if isinstance(error, grpc.RpcError):
        return _of_status(error, wording)
    if isinstance(error, HTTPException):
        return _of_http(error)
    return Problem(500, "INTERNAL", HIDDEN)


def _of_refusal(refusal: Refusal) -> Problem:
    status = STATUS[type(refusal).__name__][1]
    errors = tuple(
        Fault(_camel(flaw.field), flaw.place, flaw.reason, flaw.description)
        for flaw in refusal.flaws
    )
    return Problem(status, refusal.reason, refusal.detail, errors, refusal.retry_after)


def _of_http(error: HTTPException) -> Problem:
    status = error.code or 500
    phrase = HTTPStatus(status)
    reason, detail = _REFUSED.get(status, (phrase.name, f"{phrase.phrase}."))
    allow = error.valid_methods if isinstance(error, MethodNotAllowed) else None
    return Problem(status, reason, HIDDEN if status >= 500 else detail, allow=allow)


def _of_status(error: Any, wording: Wording | None) -> Problem:
    """What a status tells. Its words are shown only where a service chose them for callers."""
    code: grpc.StatusCode = error.code()
    if code is grpc.StatusCode.UNIMPLEMENTED and wording is not None and wording.is_shared:
        # Not every service has dead letters or long work: one that has none has not this one.
        return Problem(404, "NOT_FOUND", "The service has nothing of the kind.")
    status, reason, detail = _CODES.get(code, (500, "INTERNAL", HIDDEN))
    plain = Problem(status, reason, detail)
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return _with_details(plain, status_pb2.Status.FromString(value), wording)
    return plain


def _with_details(plain: Problem, status: Any, wording: Wording | None) -> Problem:
    told = plain
    for packed in status.details:
        if packed.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo.FromString(packed.value)
            kind = STATUS.get(info.metadata["kind"])
            if kind is not None:
                told = replace(told, status=kind[1], reason=info.reason, detail=status.message)
        elif packed.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest.FromString(packed.value)
            faults = tuple(_fault(one, wording) for one in bad.field_violations)
            told = replace(told, errors=faults)
        elif packed.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            delay = error_details_pb2.RetryInfo.FromString(packed.value).retry_delay
            told = replace(told, retry_after=delay.seconds + delay.nanos / 1e9)
    return told


def _fault(violation: Any, wording: Wording | None) -> Fault:
    if wording is None:
        return Fault(_camel(violation.field), "body", violation.reason, violation.description)
    field, place = wording.place(violation.field)
    return Fault(field, place, violation.reason, violation.description)


def _camel(path: str) -> str:
    return join(camel_case(step) if isinstance(step, str) else step for step in steps_of(path))


def _error(fault: Fault) -> dict[str, str]:
    return {
        "field": fault.field,
        "in": fault.place,
        "reason": fault.reason,
        "description": fault.description,
    }
