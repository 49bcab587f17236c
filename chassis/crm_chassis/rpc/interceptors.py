"""What is done around every RPC, for calls over the network and in the process alike.

In order: request id and trace, metrics, deadline, authentication, permission, validation,
repetition, references, the behaviour itself, errors. What an RPC declares is read once, at the
start. Each call has a context of its own (PEP 567), as gRPC gives it, so nothing is put back.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from threading import BoundedSemaphore
from typing import Any

import grpc
from google.protobuf.message import Message

from crm_chassis.kernel.errors import (
    Flaw,
    Forbidden,
    Invalid,
    KeyReused,
    Overdue,
    Refusal,
    Unavailable,
    refuse_flaws,
)
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo import failures
from crm_chassis.mongo.failures import time_limit
from crm_chassis.mongo.idempotency import Replay, asked_with, recall
from crm_chassis.resources.validation import flaws
from crm_chassis.rpc.channels import caller_authorization
from crm_chassis.rpc.declarations import SAFE, Rpc
from crm_chassis.rpc.errors import internal, refusal_of, status_of
from crm_chassis.rpc.references import Check, References
from crm_chassis.rpc.tokens import Verifier
from crm_chassis.telemetry import metrics
from crm_chassis.telemetry.context import Call, Idempotency, Principal, begin_call, current_call
from crm_chassis.telemetry.logging import logger
from crm_chassis.telemetry.tracing import (
    Span,
    begin_span,
    continue_trace,
    trace_id_of,
)

Behavior = Callable[[Any, Any], Any]
Told = dict[str, str]
# What an RPC gets whose caller names no deadline, in seconds.
CAP, STREAM_CAP = 10.0, 300.0
# A stream holds a thread for as long as its caller likes: so few that most threads stay free.
MOST_STREAMS = 4
# With less than this left nobody will see the answer.
SHORTEST = 0.010
# The share of the time left that the database may have: the rest is for the way back.
DATABASE_SHARE = 0.9
LONGEST_KEY = 255
REPLAYED = "idempotent-replayed"
# Codes that are shown from the start, so that a first failure is seen as a change.
SHOWN = ("OK", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED")
_NO_DEADLINE = 1e9
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
log = logger(__name__)


@dataclass(frozen=True)
class Guard:
    """What stands around the RPCs of one service.

    They are not `timed` where whoever calls them in the process measures the same.
    """

    service: str
    verifier: Verifier
    references: References
    is_timed: bool = True
    streams: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_STREAMS))

    def around(self, rpc: Rpc, behavior: Behavior) -> Behavior:
        """The behaviour with everything around it, in the form that gRPC calls."""
        steps = _Steps(self, rpc, self.references.check_of(rpc))
        if rpc.descriptor.server_streaming:
            return _streaming(steps, behavior)
        if rpc.descriptor.client_streaming:
            return _uploading(steps, behavior)
        return _plain(steps, behavior)


def _plain(steps: "_Steps", behavior: Behavior) -> Behavior:
    """One request, one answer."""

    def answer(request: Message, context: Any) -> Message:
        arrival = steps.begin(context)
        try:
            with time_limit(steps.admit(arrival, context, request)):
                steps.examine(request)
                response: Message = behavior(request, context)
        except Replay as replay:
            response = steps.repeat(replay, context)
        except Exception as error:  # noqa: BLE001 - every error becomes a status
            context.abort_with_status(steps.fail(error, arrival))
        steps.succeed(arrival)
        return response

    return answer


def _streaming(steps: "_Steps", behavior: Behavior) -> Behavior:
    """One request, a stream of answers."""

    def answer(request: Message, context: Any) -> Iterator[Message]:
        arrival = steps.begin(context)
        try:
            with steps.room(), time_limit(steps.admit(arrival, context, request)):
                steps.examine(request)
                yield from behavior(request, context)
        except GeneratorExit:
            steps.leave(arrival)
            raise
        except Exception as error:  # noqa: BLE001 - every error becomes a status
            context.abort_with_status(steps.fail(error, arrival))
        steps.succeed(arrival)

    return answer


def _uploading(steps: "_Steps", behavior: Behavior) -> Behavior:
    """A stream of requests, one answer."""

    def answer(requests: Iterable[Message], context: Any) -> Message:
        arrival = steps.begin(context)
        try:
            with steps.room(), time_limit(steps.admit(arrival, context)):
                arriving = _examined(requests, steps)
                _refuse_repetition(arriving)
                response: Message = behavior(arriving, context)
        except Replay as replay:
            response = steps.repeat(replay, context)
        except Exception as error:  # noqa: BLE001 - every error becomes a status
            context.abort_with_status(steps.fail(error, arrival))
        steps.succeed(arrival)
        return response

    return answer


def _examined(requests: Iterable[Message], steps: "_Steps") -> Iterator[Message]:
    """The requests as they come, each examined; at their end the call knows their fingerprint."""
    digest = sha256()
    for request in requests:
        steps.validate(request)
        digest.update(request.SerializeToString(deterministic=True))
        yield request
    call = current_call()
    if call.idempotency is not None:
        known = replace(call.idempotency, fingerprint=digest.hexdigest())
        begin_call(replace(call, idempotency=known))


def _refuse_repetition(arriving: Iterator[Message]) -> None:
    """Do nothing when the key is new; else take in what arrives and compare.

    Raises:
        Replay, KeyReused: the key was used before, for the same or for something else.
    """
    asked = current_call().idempotency
    if asked is None:
        return
    try:
        recall(asked)
    except (Replay, KeyReused):
        deque(arriving, maxlen=0)
        complete = current_call().idempotency
        assert complete is not None
        recall(complete)


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A call that has come in: what its metadata told, and when."""

    told: Told
    request_id: str
    span: Span
    started: float


class _Steps:
    """The steps around one RPC, with all that can be prepared."""

    def __init__(self, guard: Guard, rpc: Rpc, check_references: Check | None) -> None:
        streams = rpc.descriptor.client_streaming or rpc.descriptor.server_streaming
        self.guard = guard
        self.rpc = rpc
        self.domain = f"{guard.service}.crm"
        self.check_references = check_references
        self.cap = STREAM_CAP if streams else CAP
        self.meter = _Meter(guard.service, rpc.name, guard.is_timed)
        self.missing_deadlines = metrics.GRPC_DEADLINE_MISSING.labels(guard.service)
        self.late = metrics.SHED_REQUESTS.labels(guard.service, "deadline")
        self.crowded = metrics.SHED_REQUESTS.labels(guard.service, "streams")
        self.replays = metrics.IDEMPOTENCY_REPLAYS.labels(guard.service)

    def begin(self, context: Any) -> _Arrival:
        """Take up the ids that the call is known by."""
        told = dict(context.invocation_metadata())
        request_id = told.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = new_id()
        span = begin_span(self.rpc.name, traceparent=told.get("traceparent", ""), kind="server")
        continue_trace(span.traceparent)
        return _Arrival(told, request_id, span, time.perf_counter())

    def admit(self, arrival: _Arrival, context: Any, request: Message | None = None) -> float:
        """Let the call be the current one, now that it is known who calls and that they may.

        Gives the seconds that the database may take.

        Raises:
            Refusal: they may not, or it is too late.
        """
        remaining = self._remaining(context)
        authorization = arrival.told.get("authorization", "")
        principal = self.guard.verifier.principal(authorization)
        if principal.level(self.rpc.collection, self.rpc.action) is None:
            raise Forbidden(f"You may not {self.rpc.action} {self.rpc.collection}.")
        caller_authorization.set(authorization)
        begin_call(
            Call(
                principal=principal,
                request_id=arrival.request_id,
                method=self.rpc.path,
                collection=self.rpc.collection,
                action=self.rpc.action,
                correlation_id=arrival.request_id,
                causation_id=arrival.request_id,
                traceparent=arrival.span.traceparent,
                idempotency=self._asked(principal, arrival.told, request),
                deadline=time.monotonic() + remaining,
            )
        )
        return remaining * DATABASE_SHARE

    @contextmanager
    def room(self) -> Iterator[None]:
        """Hold one of the few places for streams.

        Raises:
            Unavailable: all are taken.
        """
        if not self.guard.streams.acquire(blocking=False):
            self.crowded.inc()
            raise Unavailable("Too many transfers are under way.", retry_after=2)
        try:
            yield
        finally:
            self.guard.streams.release()

    def validate(self, request: Message) -> None:
        """Do nothing when the request keeps its proto's rules.

        Raises:
            Invalid: it does not.
        """
        refuse_flaws(flaws(request))

    def examine(self, request: Message) -> None:
        """Do nothing when the request is valid, new, and refers to what is there.

        Raises:
            Replay, KeyReused: its idempotency key was used before.
            Invalid: it breaks a rule, or refers to what the caller cannot see.
            Unavailable: that cannot be found out.
        """
        self.validate(request)
        asked = current_call().idempotency
        if asked is not None:
            recall(asked)
        if self.check_references is not None:
            self.check_references(request)

    def repeat(self, replay: Replay, context: Any) -> Message:
        """The answer that was given before."""
        self.replays.inc()
        context.set_trailing_metadata(((REPLAYED, "true"),))
        return self.rpc.answer_class.FromString(replay.answer)

    def succeed(self, arrival: _Arrival) -> None:
        """Take note of an answer."""
        arrival.span.end()
        self.meter.count("OK", arrival)

    def leave(self, arrival: _Arrival) -> None:
        """Take note that the caller went away."""
        arrival.span.end()
        self.meter.count("CANCELLED", arrival)

    def fail(self, error: Exception, arrival: _Arrival) -> grpc.Status:
        """Take note of an error; gives what the caller is told of it."""
        refusal = _as_refusal(error)
        if refusal is None:
            log.error("call failed", method=self.rpc.path, exc_info=error)
            status = internal(self.domain, trace_id_of(arrival.span.traceparent))
        else:
            status = status_of(refusal, self.domain)
        arrival.span.end(refusal or error)
        self.meter.count(status.code.name, arrival)
        return status

    def _remaining(self, context: Any) -> float:
        remaining: float = context.time_remaining()
        if remaining > _NO_DEADLINE:
            self.missing_deadlines.inc()
            return self.cap
        if remaining < SHORTEST:
            self.late.inc()
            raise Overdue("There is no time left to answer.")
        return remaining

    def _asked(
        self, principal: Principal, told: Told, request: Message | None
    ) -> Idempotency | None:
        key = told.get("idempotency-key")
        if key is None or self.rpc.idempotency == SAFE:
            return None
        if not 0 < len(key) <= LONGEST_KEY:
            flaw = Flaw("Idempotency-Key", "INVALID_KEY", "has 1 to 255 characters", "header")
            raise Invalid("The idempotency key is not valid.", flaw)
        scope = f"{principal.name}\0{self.rpc.path}\0{key}"
        content = request.SerializeToString(deterministic=True) if request is not None else b""
        return asked_with(scope, sha256(content).hexdigest())


class _Meter:
    """How many calls of one RPC ended how, and after how long."""

    def __init__(self, service: str, method: str, is_timed: bool) -> None:
        metrics.expect(metrics.GRPC_SERVER_HANDLED, (service,), (method,), SHOWN)
        self._place, self._is_timed = (service, method), is_timed

    def count(self, code: str, arrival: _Arrival) -> None:
        metrics.child(metrics.GRPC_SERVER_HANDLED, *self._place, code).inc()
        if self._is_timed:
            duration = time.perf_counter() - arrival.started
            place, trace = self._place, arrival.span.traceparent
            metrics.observe(metrics.GRPC_SERVER_DURATION, place, duration, trace)


def _as_refusal(error: Exception) -> Refusal | None:
    """What a caller may know of the error; None when nobody expected it."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, grpc.RpcError):
        return refusal_of(error)
    return failures.refusal_of(error)
