"""One hop to another service: its metrics and its circuit breaker around a plain gRPC call."""

import time
from typing import Any

import grpc
from google.protobuf.message import Message

from crm_chassis.rpc.breaker import Breaker
from crm_chassis.telemetry import metrics

Metadata = tuple[tuple[str, str | bytes], ...]
SHOWN = ("OK", "UNAVAILABLE", "DEADLINE_EXCEEDED")
OPEN = "The service has not answered of late and is left alone for a moment."


class NotTried(grpc.RpcError):
    """The breaker is open: the call was not made. It reads like any other `grpc.RpcError`."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return OPEN

    def trailing_metadata(self) -> Any:
        return ()


class Hop:
    """An RPC of another service. It knows neither who calls nor why: the caller gives all that."""

    def __init__(
        self,
        peer: str,
        method: str,
        call: "grpc.UnaryUnaryMultiCallable[Any, Any]",
        breaker: Breaker,
    ) -> None:
        metrics.expect(metrics.GRPC_CLIENT_HANDLED, (peer,), (method,), SHOWN)
        self.peer = peer
        self.method = method
        self._call = call
        self._breaker = breaker
        self._full = metrics.SHED_REQUESTS.labels(peer, "concurrency")

    def with_call(
        self, request: Message, timeout: float, metadata: Metadata
    ) -> tuple[Message, grpc.Call]:
        """The answer, and the call that gave it.

        Raises:
            grpc.RpcError: the service refused or did not answer, or the breaker is open.
        """
        self._refuse_when_open()
        started = time.perf_counter()
        try:
            answer, call = self._call.with_call(request, timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            self._record(_code_of(error), timeout, started)
            raise
        self._record(grpc.StatusCode.OK, timeout, started)
        return answer, call

    def future(
        self, request: Message, timeout: float, metadata: Metadata
    ) -> "grpc.Future[Message]":
        """The answer to come.

        Raises:
            grpc.RpcError: the breaker is open.
        """
        self._refuse_when_open()
        started = time.perf_counter()
        pending = self._call.future(request, timeout=timeout, metadata=metadata)

        def record(done: Any) -> None:
            self._record(done.code(), timeout, started)

        pending.add_done_callback(record)
        return pending

    def _refuse_when_open(self) -> None:
        if not self._breaker.admits():
            self._count(grpc.StatusCode.UNAVAILABLE)
            raise NotTried

    def _record(self, code: grpc.StatusCode, timeout: float, started: float) -> None:
        self._breaker.record(code, timeout)
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            self._full.inc()
        self._count(code)
        duration = metrics.child(metrics.GRPC_CLIENT_DURATION, self.peer, self.method)
        duration.observe(time.perf_counter() - started)

    def _count(self, code: grpc.StatusCode) -> None:
        metrics.child(metrics.GRPC_CLIENT_HANDLED, self.peer, self.method, code.name).inc()


def _code_of(error: Any) -> grpc.StatusCode:
    code: grpc.StatusCode = error.code()
    return code
