"""What each RPC declares of itself in the protos: read once, at the start."""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from crm.api.v1 import options_pb2
from google.api import annotations_pb2
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

SAFE, IDEMPOTENT, KEY = "SAFE", "IDEMPOTENT", "KEY"
SHARED_PACKAGE = "crm.api.v1"
# What a request has that tells of which version it speaks, by itself or in its resource.
_TAGGED = frozenset({"etag", "update_mask"})
_VARIABLE = re.compile(r"{([a-z_.]+)[=}]")


@dataclass(frozen=True, slots=True)
class Rpc:
    """An RPC: what it needs, what repeating it does, and its messages.

    `path_fields` are the fields of the request that HTTP has in the path.
    """

    descriptor: MethodDescriptor
    path: str
    name: str
    collection: str
    action: str
    idempotency: str
    path_fields: frozenset[str]
    request_class: type[Message]
    answer_class: type[Message]

    @property
    def is_repeatable(self) -> bool:
        """Whether a client may try it again by itself.

        Not a change of a version that is told: the first try may have been carried out although its
        answer was lost, and the second would be refused as stale for what the first one did.
        """
        fields = self.descriptor.input_type.fields_by_name
        if not _TAGGED.isdisjoint(fields.keys()):
            return self.idempotency == SAFE
        return self.idempotency in (SAFE, IDEMPOTENT)


@cache
def rpc_of(method: MethodDescriptor) -> Rpc:
    """What an RPC declares.

    Raises:
        ValueError: it lacks its permission, its idempotency or its service's collection.
    """
    service: ServiceDescriptor = method.containing_service
    options: Any = method.GetOptions()
    of_service: Any = service.GetOptions()
    collection = of_service.Extensions[options_pb2.collection]
    permission = options.Extensions[options_pb2.permission]
    idempotency = options.Extensions[options_pb2.idempotency]
    if not (collection and permission and idempotency):
        raise ValueError(
            f"{method.full_name} does not declare permission, idempotency and collection"
        )
    return Rpc(
        descriptor=method,
        path=f"/{service.full_name}/{method.name}",
        name=method.name,
        collection=collection,
        action=options_pb2.Permission.Name(permission),
        idempotency=options_pb2.Idempotency.Name(idempotency),
        path_fields=frozenset(_variables(options.Extensions[annotations_pb2.http])),
        request_class=message_factory.GetMessageClass(method.input_type),
        answer_class=message_factory.GetMessageClass(method.output_type),
    )


def rpcs_of_service(full_name: str) -> list[Rpc]:
    """The RPCs of a gRPC service whose generated code is loaded.

    Raises:
        ValueError: one lacks a declaration.
    """
    service = descriptor_pool.Default().FindServiceByName(full_name)
    return [rpc_of(method) for method in service.methods]


@cache
def rpcs_of_peer(peer: str) -> tuple[Rpc, ...]:
    """All RPCs that a service of the suite (`service-desk`) answers: its own and the shared."""
    packages = (f"crm.{peer.replace('-', '_')}.v1", SHARED_PACKAGE)
    return tuple(
        rpc
        for package in packages
        for module in _modules(package)
        for service in module.DESCRIPTOR.services_by_name.values()
        for rpc in rpcs_of_service(service.full_name)
    )


def _modules(package: str) -> Iterator[Any]:
    try:
        found = importlib.import_module(package)
    except ModuleNotFoundError:
        return
    for module in pkgutil.iter_modules(found.__path__, f"{package}."):
        if module.name.endswith("_pb2"):
            yield importlib.import_module(module.name)


def _variables(rule: Any) -> Iterable[str]:
    """The fields that the templates of a google.api.http rule have in the path."""
    template = getattr(rule, rule.WhichOneof("pattern") or "get")
    yield from _VARIABLE.findall(template)
    for more in rule.additional_bindings:
        yield from _variables(more)
