"""Who answers an RPC: another service over gRPC, or the gateway itself in this process."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from queue import Full, Queue
from typing import Any, NamedTuple, Protocol

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2

from crm_chassis.kernel.errors import NotFound
from crm_chassis.rpc.channels import Peers
from crm_gateway.transcoding.schema import Method, Schema

EDGE_SECONDS = 3.0
STREAM_SECONDS = 300.0
CHECK_SECONDS = 0.5
# How many pieces of an upload may wait for the service: what it does not take is not read either.
AHEAD = 8
GATEWAY = "gateway"

Metadata = tuple[tuple[str, str], ...]


class Answer(NamedTuple):
    """What an RPC gave, and what it said after it."""

    message: Message
    trailing: Mapping[str, Any]


Ask = Callable[[Message, Metadata], Answer]


class LocalMethods(Protocol):
    """The RPCs that this process answers itself, by their paths."""

    def call(
        self, path: str, request: bytes, metadata: Metadata, timeout: float
    ) -> tuple[bytes, Sequence[tuple[str, str | bytes]]]:
        """Answer a serialized request: the serialized answer, and the trailing metadata.

        Raises:
            grpc.RpcError: it was refused, with the same status that a server would send.
        """


class Upstreams:
    """Asks whoever answers. Channels are opened at the first call, never before a fork."""

    def __init__(self, schema: Schema, peers: Peers, local: LocalMethods | None = None) -> None:
        self._schema = schema
        self._peers = peers
        self._local = local
        self._asks: dict[tuple[str, str], Ask] = {}

    def ask(self, service: str, method: Method, request: Message, metadata: Metadata) -> Answer:
        """Ask a service for an answer within the edge's deadline.

        Raises:
            grpc.RpcError: it refused, or did not answer.
            NotFound: there is no such service.
        """
        known = self._asks.get((service, method.path))
        if known is None:
            known = self._asks[service, method.path] = self._ask_of(service, method)
        return known(request, metadata)

    def send(
        self, service: str, method: Method, requests: Iterable[Message], metadata: Metadata
    ) -> Answer:
        """Send a stream of requests, read here as fast as they are taken, and give the answer.

        What goes wrong while they are read is raised as it is, and the service is told that the
        rest does not come.

        Raises:
            grpc.RpcError: the service refused, or did not answer.
            NotFound: there is no such service.
        """
        channel = self._peers.channel(self._known(service))
        call = channel.stream_unary(method.path, *self._serializers(method))
        line: Queue[Message | None] = Queue(AHEAD)
        pending: Any = call.future(iter(line.get, None), STREAM_SECONDS, metadata)
        try:
            for request in requests:
                if not _offer(line, request, pending):
                    break
        except BaseException:
            pending.cancel()
            raise
        finally:
            _end(line, pending)
        answer: Message = pending.result()
        return Answer(answer, _mapping(pending.trailing_metadata()))

    def receive(
        self, service: str, method: Method, request: Message, metadata: Metadata
    ) -> "Stream":
        """Ask for a stream of answers.

        Raises:
            NotFound: there is no such service.
        """
        channel = self._peers.channel(self._known(service))
        call = channel.unary_stream(method.path, *self._serializers(method))
        return Stream(call(request, timeout=STREAM_SECONDS, metadata=metadata))

    def check(self, service: str) -> None:
        """Ask a service whether it answers calls. One that has too much to do at present does.

        Raises:
            grpc.RpcError, RuntimeError: it does not.
        """
        channel = self._peers.channel(self._known(service))
        ask = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = ask(health_pb2.HealthCheckRequest(), timeout=CHECK_SECONDS)
        except grpc.RpcError as error:
            if _is_full(error):
                return
            raise
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise RuntimeError(f"{service} does not serve")

    def _ask_of(self, service: str, method: Method) -> Ask:
        serialize, parse = self._serializers(method)
        if service == GATEWAY and self._local is not None:
            return _local_ask(self._local, method.path, serialize, parse)
        hop = self._peers.hop(self._known(service), method.path, serialize, parse)
        patience = method.patience or EDGE_SECONDS

        def ask(request: Message, metadata: Metadata) -> Answer:
            answer, ended = hop.with_call(request, patience, metadata)
            return Answer(answer, _mapping(ended.trailing_metadata()))

        return ask

    def _known(self, service: str) -> str:
        if service not in self._peers.names:
            raise NotFound(f"There is no service {service}.")
        return service

    def _serializers(self, method: Method) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
        return (
            self._schema.message_class(method.input).SerializeToString,
            self._schema.message_class(method.output).FromString,
        )


class Stream:
    """Answers that come one after the other, until they end or nobody wants them any more."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __iter__(self) -> Iterator[Message]:
        """The answers.

        Raises:
            grpc.RpcError: at any of them: the service refused, or stopped answering.
        """
        return iter(self._call)

    def close(self) -> None:
        """Want no more of them."""
        self._call.cancel()


def _offer(line: "Queue[Message | None]", request: Message, pending: Any) -> bool:
    """Put a request into the line once there is room; False when the call has ended meanwhile."""
    while not pending.done():
        try:
            line.put(request, timeout=0.1)
        except Full:
            continue
        return True
    return False


def _end(line: "Queue[Message | None]", pending: Any) -> None:
    """Put the end into the line, so that whoever reads it ends too."""
    while True:
        try:
            line.put(None, timeout=0.1)
        except Full:
            if pending.done():
                line.get_nowait()
            continue
        return


def _local_ask(
    local: LocalMethods,
    path: str,
    serialize: Callable[[Any], bytes],
    parse: Callable[[bytes], Any],
) -> Ask:
    def ask(request: Message, metadata: Metadata) -> Answer:
        said, trailing = local.call(path, serialize(request), metadata, EDGE_SECONDS)
        return Answer(parse(said), _mapping(trailing))

    return ask


def _is_full(error: Any) -> bool:
    return bool(error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED)


def _mapping(trailing: Any) -> Mapping[str, Any]:
    return dict(trailing or ())
