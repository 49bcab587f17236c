"""The catalogue of event types, built from what the resources' protos announce."""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import cast

from crm.api.v1 import options_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from crm_chassis.events.options import option_of

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


def package_of(descriptor: Descriptor) -> str:
    """The service's part of the package: `service_desk` of `crm.service_desk.v1`."""
    return str(descriptor.file.package.split(".")[1])


def event_type(descriptor: Descriptor, word: str) -> str:
    """The type of the event that a resource announces: `crm.contacts.contact.created.v1`."""
    noun = _WORD_START.sub("_", descriptor.name).lower()
    return f"crm.{package_of(descriptor)}.{noun}.{word}.v1"


def words_of(descriptor: Descriptor) -> tuple[str, ...]:
    """The past tenses that a resource announces; none when it is not a resource."""
    return tuple(option_of(descriptor, options_pb2.events).announces)


@cache
def announced(service: str) -> Mapping[str, type[Message]]:
    """The event types of a service (`service_desk`) and the message that each carries."""
    return MappingProxyType(
        {
            event_type(descriptor, word): message
            for message in _messages(service)
            for descriptor in [cast(Descriptor, message.DESCRIPTOR)]
            for word in words_of(descriptor)
        }
    )


def services() -> tuple[str, ...]:
    """The services that the protos know, as packages name them."""
    crm = importlib.import_module("crm")
    return tuple(sorted(module.name for module in pkgutil.iter_modules(crm.__path__)))


def message_of(type_: str) -> type[Message] | None:
    """The message that events of this type carry; None when nobody announces the type."""
    segments = type_.split(".")
    if len(segments) != 5 or segments[0] != "crm":
        return None
    return announced(segments[1]).get(type_)


def _messages(service: str) -> Iterator[type[Message]]:
    try:
        package = importlib.import_module(f"crm.{service}.v1")
    except ModuleNotFoundError:
        return
    for module in pkgutil.iter_modules(package.__path__, f"crm.{service}.v1."):
        if module.name.endswith("_pb2"):
            loaded = importlib.import_module(module.name)
            for name in loaded.DESCRIPTOR.message_types_by_name:
                yield getattr(loaded, name)
