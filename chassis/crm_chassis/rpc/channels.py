"""Calls to other services: with a deadline, a token, a trace, retries and a circuit breaker.

A channel is opened at its first call, never before a fork.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, TypeVar, cast

import grpc
from google.protobuf.message import Message

from crm_chassis.kernel.errors import Overdue, Refusal, Unavailable
from crm_chassis.kernel.ids import new_id
from crm_chassis.rpc.breaker import Breaker
from crm_chassis.rpc.declarations import Rpc, rpcs_of_peer
from crm_chassis.rpc.errors import refusal_of
from crm_chassis.rpc.hops import Hop, Metadata
from crm_chassis.rpc.tokens import LIFETIME, Signer
from crm_chassis.telemetry.context import Call, current_call
from crm_chassis.telemetry.tracing import Span, begin_span

Stub = TypeVar("Stub")
A = TypeVar("A", bound=Message)

# How long an answer may take when nobody up the line is in a greater hurry.
CAP = 5.0
# What the way back takes of the time that is left.
MARGIN = 0.020
LARGEST_ANSWER = 64 * 1024 * 1024
# A refusal with all its flaws (`errors.MOST_FLAWS`) comes as metadata: gRPC lets 8 KiB through.
LARGEST_REFUSAL = 1024 * 1024
KEEPALIVE = 60_000

# The `authorization` of the request that is being answered: calls made for it pass it on.
caller_authorization: ContextVar[str] = ContextVar("caller_authorization", default="")


class Peers:
    """The other services, as one of them sees them."""

    def __init__(self, signer: Signer, addresses: Mapping[str, str]) -> None:
        self._own = _OwnToken(signer)
        self._addresses = dict(addresses)
        self._lock = Lock()
        self._lines: dict[str, _Line] = {}
        self._stubs: dict[tuple[str, Any, Any], Any] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The services whose addresses are known."""
        return tuple(self._addresses)

    def stub(
        self,
        peer: str,
        stub_class: Callable[[grpc.Channel], Stub],
        authorization: Callable[[], str] | None = None,
    ) -> Stub:
        """A generated stub whose methods know deadline, trace and who calls.

        They raise the peer's `Refusal`; `method.future(request)` gives an `Answer` to wait for.
        The caller's token is passed on, and without a caller the service speaks for itself; another
        `authorization` speaks for somebody else (`own_authorization`: for the service in any case).

        Raises:
            Unavailable: the peer's address is not known.
        """
        key = (peer, stub_class, authorization)
        if key not in self._stubs:
            channel = _StubChannel(self._line(peer), authorization or self._authorization)
            self._stubs[key] = stub_class(cast("grpc.Channel", channel))
        return cast("Stub", self._stubs[key])

    def own_authorization(self) -> str:
        """What says that the service itself calls."""
        return self._own.authorization()

    def ask(self, peer: str, rpc: Rpc) -> "Ask[Message]":
        """The same for one RPC that is known by its declaration.

        Raises:
            Unavailable: the peer's address is not known.
        """
        line = self._line(peer)
        hop = line.hop(rpc.path, rpc.request_class.SerializeToString, rpc.answer_class.FromString)
        return Ask(hop, self._authorization)

    def hop(
        self, peer: str, path: str, serialize: Callable[[Any], bytes], parse: Callable[[bytes], Any]
    ) -> Hop:
        """An RPC with retries, breaker and metrics only: whoever calls gives all the rest.

        Raises:
            Unavailable: the peer's address is not known.
        """
        return self._line(peer).hop(path, serialize, parse)

    def channel(self, peer: str) -> grpc.Channel:
        """The bare channel, for streams.

        Raises:
            Unavailable: the peer's address is not known.
        """
        return self._line(peer).channel

    def breaker(self, peer: str) -> Breaker:
        """The peer's circuit breaker.

        Raises:
            Unavailable: the peer's address is not known.
        """
        return self._line(peer).breaker

    def close(self) -> None:
        """Close all channels; calls under way fail."""
        with self._lock:
            for line in self._lines.values():
                line.channel.close()
            self._lines.clear()
            self._stubs.clear()

    def _line(self, peer: str) -> "_Line":
        with self._lock:
            if peer not in self._lines:
                self._lines[peer] = self._opened(peer)
            return self._lines[peer]

    def _opened(self, peer: str) -> "_Line":
        if peer not in self._addresses:
            raise Unavailable(f"The service {peer} is not there.")
        config = service_config(rpcs_of_peer(peer))
        channel = grpc.insecure_channel(self._addresses[peer], options=channel_options(config))
        return _Line(peer, channel, Breaker(peer))

    def _authorization(self) -> str:
        return caller_authorization.get() or self._own.authorization()


class Ask(Generic[A]):
    """An RPC of another service, asked for the call that is being answered."""

    def __init__(self, hop: Hop, authorization: Callable[[], str]) -> None:
        self._hop = hop
        self._authorization = authorization
        self._name = f"{hop.peer} {hop.method}"

    def __call__(self, request: Message, timeout: float | None = None) -> A:
        """The answer, within `timeout` and what the caller has left.

        Raises:
            Refusal: the peer's; `Unavailable` or `Overdue` when it gave no answer.
        """
        patience, span = _patience(timeout), begin_span(self._name, kind="client")
        try:
            answer, _ = self._hop.with_call(request, patience, self._metadata(span))
        except grpc.RpcError as error:
            refusal = refusal_of(error)
            span.end(refusal)
            raise refusal from error
        span.end()
        return cast("A", answer)

    def future(self, request: Message, timeout: float | None = None) -> "Answer[A]":
        """The answer to come; waiting for it raises as the call would."""
        patience, span = _patience(timeout), begin_span(self._name, kind="client")
        try:
            pending = self._hop.future(request, patience, self._metadata(span))
        except grpc.RpcError as error:
            refusal = refusal_of(error)
            span.end(refusal)
            return Answer(refusal=refusal)
        pending.add_done_callback(lambda _: span.end())
        return Answer(cast("grpc.Future[A]", pending))

    def _metadata(self, span: Span) -> Metadata:
        return (
            ("authorization", self._authorization()),
            ("x-request-id", _request_id()),
            ("traceparent", span.traceparent),
        )


@dataclass(frozen=True, slots=True)
class Answer(Generic[A]):
    """An answer to come, or the answer or refusal that is there already."""

    pending: "grpc.Future[A] | None" = None
    refusal: Refusal | None = None
    given: A | None = None

    @classmethod
    def begin(cls, hop: Hop, request: Message, patience: float, metadata: Metadata) -> "Answer[A]":
        """Ask, and wait later."""
        try:
            return cls(cast("grpc.Future[A]", hop.future(request, patience, metadata)))
        except grpc.RpcError as error:
            return cls(refusal=_refusal(error))

    @classmethod
    def wait(cls, hop: Hop, request: Message, patience: float, metadata: Metadata) -> "Answer[A]":
        """Ask, and wait here: that spares the threads that would tell this one of the answer."""
        try:
            return cls(given=cast("A", hop.with_call(request, patience, metadata)[0]))
        except grpc.RpcError as error:
            return cls(refusal=_refusal(error))

    def result(self) -> A:
        """Wait for the answer.

        Raises:
            Refusal: as asking would.
        """
        if self.given is not None:
            return self.given
        if self.refusal is not None or self.pending is None:
            raise self.refusal or Unavailable("Nobody was asked.")
        try:
            answer: A = self.pending.result()
        except grpc.RpcError as error:
            raise refusal_of(error) from error
        except grpc.FutureCancelledError as error:
            raise Unavailable("The question was taken back.") from error
        return answer

    def done(self) -> bool:
        """Whether there is no more to wait for."""
        return self.pending is None or self.pending.done()

    def cancel(self) -> None:
        """Take the question back."""
        if self.pending is not None:
            self.pending.cancel()


def _refusal(error: grpc.RpcError) -> Refusal:
    refusal = refusal_of(error)
    refusal.__cause__ = error
    return refusal


@dataclass(frozen=True)
class _Line:
    """The open channel to one peer."""

    peer: str
    channel: grpc.Channel
    breaker: Breaker

    def hop(
        self, path: str, serialize: Callable[[Any], bytes], parse: Callable[[bytes], Any]
    ) -> Hop:
        call = self.channel.unary_unary(
            path, request_serializer=serialize, response_deserializer=parse
        )
        return Hop(self.peer, path.rpartition("/")[2], call, self.breaker)


class _StubChannel:
    """What a generated stub is given for a channel: its unary calls become `Ask`s."""

    def __init__(self, line: _Line, authorization: Callable[[], str]) -> None:
        self._line = line
        self._authorization = authorization
        self.unary_stream = line.channel.unary_stream
        self.stream_unary = line.channel.stream_unary
        self.stream_stream = line.channel.stream_stream

    def unary_unary(
        self,
        path: str,
        request_serializer: Callable[[Any], bytes],
        response_deserializer: Callable[[bytes], Any],
        _registered_method: bool = False,
    ) -> Ask[Message]:
        hop = self._line.hop(path, request_serializer, response_deserializer)
        return Ask(hop, self._authorization)


class _OwnToken:
    """The service's own token, minted anew before it ends."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._minted = ("", 0.0)

    def authorization(self) -> str:
        authorization, until = self._minted
        if time.monotonic() >= until:
            authorization = f"Bearer {self._signer.mint_own()}"
            self._minted = (authorization, time.monotonic() + LIFETIME - 15)
        return authorization


def service_config(rpcs: Iterable[Rpc]) -> str:
    """gRPC's own retries: at most two, while the service is away, of what may be repeated.

    What never reached the service gRPC sends again in any case.
    """
    names = [
        {"service": rpc.descriptor.containing_service.full_name, "method": rpc.name}
        for rpc in rpcs
        if rpc.is_repeatable
    ]
    retries = {
        "maxAttempts": 3,
        "initialBackoff": "0.05s",
        "maxBackoff": "0.5s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return json.dumps(
        {
            "loadBalancingConfig": [{"round_robin": {}}],
            "methodConfig": [{"name": names, "retryPolicy": retries}] if names else [],
            "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
        }
    )


def channel_options(config: str) -> list[tuple[str, Any]]:
    """How a channel behaves: it retries as `config` says, and comes back soon after a restart."""
    return [
        ("grpc.service_config", config),
        ("grpc.initial_reconnect_backoff_ms", 100),
        # How long a connection may take to come about: a busy machine is not one that is away.
        ("grpc.min_reconnect_backoff_ms", 2000),
        ("grpc.max_reconnect_backoff_ms", 1000),
        # Who takes the place of a server that ends is asked for at once; left to itself gRPC
        # asks twice in half a minute at the soonest.
        ("grpc.dns_min_time_between_resolutions_ms", 500),
        ("grpc.keepalive_time_ms", KEEPALIVE),
        ("grpc.max_receive_message_length", LARGEST_ANSWER),
        ("grpc.max_metadata_size", LARGEST_REFUSAL),
        ("grpc.absolute_max_metadata_size", LARGEST_REFUSAL),
    ]


def _patience(timeout: float | None) -> float:
    """How long to wait for an answer.

    Raises:
        Overdue: nobody waits for it any more.
    """
    patience = CAP if timeout is None else timeout
    call = _call()
    if call is not None and call.deadline is not None:
        patience = min(patience, call.deadline - time.monotonic() - MARGIN)
    if patience <= 0:
        raise Overdue("There is no time left to ask.")
    return patience


def _request_id() -> str:
    call = _call()
    return call.request_id if call is not None else new_id()


def _call() -> Call | None:
    try:
        return current_call()
    except LookupError:
        return None
