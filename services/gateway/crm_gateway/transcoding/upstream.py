"""Who answers an RPC: another service over gRPC, or the gateway itself in this process."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import grpc
from crm_chassis.kernel.errors import NotFound
from google.protobuf.message import Message

from crm_gateway.transcoding.schema import Method, Schema

EDGE_SECONDS = 3.0
UPLOAD_SECONDS = 300.0
GATEWAY = "gateway"
SHARED_PACKAGE = "crm.api.v1"

Metadata = Sequence[tuple[str, str]]


class Answer(NamedTuple):
    """What an RPC gave, and what it said after it."""

    message: Message
    trailing: Mapping[str, str]


Ask = Callable[[Message, Metadata], Answer]


class LocalMethods(Protocol):
    """The RPCs that this process answers itself, by their paths."""

    def call(
        self, path: str, request: bytes, metadata: Metadata, timeout: float
    ) -> tuple[bytes, Metadata]:
        """Answer a serialized request.

        Raises:
            grpc.RpcError: it was refused, with the same status that a server would send.
        """


class Upstreams:
    """Opens a channel to each service at its first request, so that nothing is open before a fork."""

    def __init__(
        self, schema: Schema, peers: Mapping[str, str], local: LocalMethods | None
    ) -> None:
        self._schema = schema
        self._peers = peers
        self._local = local
        self._channels: dict[str, grpc.Channel] = {}
        self._asks: dict[tuple[str, str], Ask] = {}
        self._lock = threading.Lock()
        self._config = service_config(schema.methods)

    def ask(self, service: str, method: Method, request: Message, metadata: Metadata) -> Answer:
        """Ask a service for an answer within the edge's deadline.

        Raises:
            grpc.RpcError: it refused, or did not answer.
        """
        known = self._asks.get((service, method.path))
        if known is None:
            known = self._asks[service, method.path] = self._ask_of(service, method)
        return known(request, metadata)

    def send(
        self, service: str, method: Method, requests: Iterable[Message], metadata: Metadata
    ) -> Answer:
        """Send a stream of requests and wait for the one answer."""
        call = self._channel(service).stream_unary(method.path, **self._serializers(method))
        answer, ended = call.with_call(iter(requests), timeout=UPLOAD_SECONDS, metadata=metadata)
        return Answer(answer, dict(ended.trailing_metadata()))

    def receive(
        self, service: str, method: Method, request: Message, metadata: Metadata
    ) -> Iterator[Message]:
        """Ask for a stream of answers."""
        call = self._channel(service).unary_stream(method.path, **self._serializers(method))
        answers: Iterator[Message] = call(request, timeout=UPLOAD_SECONDS, metadata=metadata)
        return answers

    def close(self) -> None:
        """Close every channel."""
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()
            self._asks.clear()

    def _ask_of(self, service: str, method: Method) -> Ask:
        if service == GATEWAY and self._local is not None:
            return self._local_ask(self._local, method)
        call = self._channel(service).unary_unary(method.path, **self._serializers(method))

        def ask(request: Message, metadata: Metadata) -> Answer:
            answer, ended = call.with_call(request, timeout=EDGE_SECONDS, metadata=metadata)
            return Answer(answer, dict(ended.trailing_metadata()))

        return ask

    def _local_ask(self, local: LocalMethods, method: Method) -> Ask:
        answer_class = self._schema.message_class(method.output)

        def ask(request: Message, metadata: Metadata) -> Answer:
            said, trailing = local.call(
                method.path, request.SerializeToString(), metadata, EDGE_SECONDS
            )
            return Answer(answer_class.FromString(said), dict(trailing))

        return ask

    def _serializers(self, method: Method) -> dict[str, Any]:
        return {
            "request_serializer": self._schema.message_class(method.input).SerializeToString,
            "response_deserializer": self._schema.message_class(method.output).FromString,
        }

    def _channel(self, service: str) -> grpc.Channel:
        with self._lock:
            if service not in self._channels:
                if service not in self._peers:
                    raise NotFound(f"There is no service {service}.")
                self._channels[service] = grpc.insecure_channel(
                    self._peers[service], options=channel_options(self._config)
                )
            return self._channels[service]


def service_config(methods: Iterable[Method]) -> str:
    """gRPC's own retries, for the methods that may be repeated: at most two, while the service is away."""
    repeatable: dict[str, list[str]] = {}
    for method in methods:
        if method.idempotency in ("SAFE", "IDEMPOTENT"):
            service, name = method.path.strip("/").split("/")
            repeatable.setdefault(service, []).append(name)
    names = [
        {"service": service, "method": name} for service, some in repeatable.items() for name in some
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
            "methodConfig": [{"name": names, "retryPolicy": retries}],
            "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
        }
    )


def channel_options(config: str) -> list[tuple[str, Any]]:
    """How a channel behaves: it retries as `config` says and comes back soon after a restart."""
    return [
        ("grpc.service_config", config),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
    ]
