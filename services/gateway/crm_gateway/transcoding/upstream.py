"""Who answers an RPC: another service over gRPC, or the gateway itself in this process."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from google.protobuf.message import Message

from crm_chassis.kernel.errors import NotFound
from crm_chassis.rpc.channels import Peers
from crm_gateway.transcoding.schema import Method, Schema

EDGE_SECONDS = 3.0
STREAM_SECONDS = 300.0
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
        """Send a stream of requests and wait for the one answer.

        Raises:
            grpc.RpcError: it refused, or did not answer.
        """
        channel = self._peers.channel(self._known(service))
        call = channel.stream_unary(method.path, *self._serializers(method))
        answer, ended = call.with_call(iter(requests), timeout=STREAM_SECONDS, metadata=metadata)
        return Answer(answer, _mapping(ended.trailing_metadata()))

    def receive(
        self, service: str, method: Method, request: Message, metadata: Metadata
    ) -> Iterator[Message]:
        """Ask for a stream of answers.

        Raises:
            grpc.RpcError: at any of them: it refused, or did not answer.
        """
        channel = self._peers.channel(self._known(service))
        call = channel.unary_stream(method.path, *self._serializers(method))
        answers: Iterator[Message] = call(request, timeout=STREAM_SECONDS, metadata=metadata)
        return answers

    def _ask_of(self, service: str, method: Method) -> Ask:
        serialize, parse = self._serializers(method)
        if service == GATEWAY and self._local is not None:
            return _local_ask(self._local, method.path, serialize, parse)
        hop = self._peers.hop(self._known(service), method.path, serialize, parse)

        def ask(request: Message, metadata: Metadata) -> Answer:
            answer, ended = hop.with_call(request, EDGE_SECONDS, metadata)
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


def _mapping(trailing: Any) -> Mapping[str, Any]:
    return dict(trailing or ())
