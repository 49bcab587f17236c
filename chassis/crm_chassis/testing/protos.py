"""What the protos declare of every RPC, for tests that are generated from them."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crm
from crm.api.v1 import options_pb2
from google.api import annotations_pb2


@dataclass(frozen=True)
class Declared:
    """An RPC and what its options say; `seen_with` is the collection that decides who sees it."""

    method: Any
    collection: str
    action: str
    path: str

    @property
    def seen_with(self) -> str:
        """The first collection in the path: children are seen with their parent."""
        if "organizations" in self.path:
            return "organizations"
        return "contacts" if "contacts" in self.path else self.collection


def declared_rpcs() -> Iterator[Declared]:
    """Every RPC of every service."""
    for root in map(Path, crm.__path__):
        for module in sorted(root.glob("*/v1/*_pb2.py")):
            name = ".".join(module.relative_to(root.parent).with_suffix("").parts)
            for service in importlib.import_module(name).DESCRIPTOR.services_by_name.values():
                yield from map(_declared, service.methods)


def _declared(method: Any) -> Declared:
    options = method.GetOptions().Extensions
    rule = options[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    return Declared(
        method,
        method.containing_service.GetOptions().Extensions[options_pb2.collection],
        options_pb2.Permission.Name(options[options_pb2.permission]),
        getattr(rule, verb) if verb else "",
    )
