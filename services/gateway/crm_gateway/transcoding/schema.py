"""What the protos say, read from the descriptor image: methods, bindings, options, comments."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    EnumValueDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.message import Message

Described = Descriptor | EnumDescriptor | FieldDescriptor | MethodDescriptor | ServiceDescriptor
MessageClass = type[Message]
SHARED_PACKAGE = "crm.api.v1"
VERBS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True, slots=True)
class Binding:
    """One way in which HTTP reaches a method; `body` is a field of the request, `*` or empty."""

    verb: str
    template: str
    body: str


@dataclass(frozen=True, slots=True)
class Method:
    """An RPC and what it declares of itself."""

    descriptor: MethodDescriptor
    bindings: tuple[Binding, ...]
    permission: str
    collection: str
    idempotency: str
    patience: int

    @property
    def name(self) -> str:
        return self.descriptor.name

    @property
    def path(self) -> str:
        """The path by which gRPC knows it."""
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    @property
    def package(self) -> str:
        return self.descriptor.containing_service.file.package

    @property
    def is_shared(self) -> bool:
        """Whether every service may have it: requests say whose is meant."""
        return self.package == SHARED_PACKAGE

    @property
    def input(self) -> Descriptor:
        return self.descriptor.input_type

    @property
    def output(self) -> Descriptor:
        return self.descriptor.output_type

    @property
    def streams_in(self) -> bool:
        return self.descriptor.client_streaming

    @property
    def streams_out(self) -> bool:
        return self.descriptor.server_streaming


class Schema:
    """The files of an image in a pool of their own, so that nothing generated is needed."""

    def __init__(self, image: bytes) -> None:
        files = descriptor_pb2.FileDescriptorSet.FromString(image)
        self._pool = descriptor_pool.DescriptorPool()
        self._comments: dict[str, str] = {}
        for file in files.file:
            self._pool.Add(file)
            self._comments.update(_comments_of(file))
        ours = [file.name for file in files.file if file.package.startswith("crm.")]
        self.files = [self._pool.FindFileByName(name) for name in ours]
        self.methods = [
            self._method(method)
            for file in self.files
            for service in file.services_by_name.values()
            for method in service.methods
        ]

    def message_class(self, descriptor: Descriptor) -> MessageClass:
        """The class whose instances are messages of this type."""
        return message_factory.GetMessageClass(descriptor)

    def comment(self, described: Described | EnumValueDescriptor) -> str:
        """What the proto says of something, on one line; empty when it says nothing."""
        if isinstance(described, EnumValueDescriptor):
            return self._comments.get(f"{described.type.full_name}.{described.name}", "")
        return self._comments.get(described.full_name, "")

    def option(self, described: Described, extension: str) -> Any:
        """An option by the full name of its extension; its default where it is not set."""
        raw = described.GetOptions()
        known = self._pool.FindMessageTypeByName(raw.DESCRIPTOR.full_name)
        options: Any = self.message_class(known).FromString(raw.SerializeToString())
        return options.Extensions[self._pool.FindExtensionByName(extension)]

    def behaviors(self, field: FieldDescriptor) -> frozenset[str]:
        """`REQUIRED`, `OUTPUT_ONLY`, `IDENTIFIER`, `IMMUTABLE`: what holds of a field."""
        names = self.enum("google.api.FieldBehavior").values_by_number
        numbers = self.option(field, "google.api.field_behavior")
        return frozenset(names[number].name for number in numbers)

    def enum(self, full_name: str) -> EnumDescriptor:
        """An enum by its full name."""
        return self._pool.FindEnumTypeByName(full_name)

    def messages(self) -> Iterator[Descriptor]:
        """Every message of ours, nested ones after those that hold them."""
        for file in self.files:
            yield from _messages_of(file)

    def _method(self, method: MethodDescriptor) -> Method:
        permission = self.enum("crm.api.v1.Permission").values_by_number
        idempotency = self.enum("crm.api.v1.Idempotency").values_by_number
        return Method(
            descriptor=method,
            bindings=tuple(_bindings_of(self.option(method, "google.api.http"))),
            permission=permission[self.option(method, "crm.api.v1.permission")].name,
            collection=self.option(method.containing_service, "crm.api.v1.collection"),
            idempotency=idempotency[self.option(method, "crm.api.v1.idempotency")].name,
            patience=self.option(method, "crm.api.v1.patience"),
        )


def load_schema() -> Schema:
    """The schema of the image that the protos' package ships."""
    return Schema((resources.files("crm.api.v1") / "crm.binpb").read_bytes())


def is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map rather than a list or a single value."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def entry_of(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor]:
    """Key and value of a map."""
    entry = message_of(field)
    return entry.fields_by_name["key"], entry.fields_by_name["value"]


def message_of(field: FieldDescriptor) -> Descriptor:
    """The type of a field that holds messages.

    Raises:
        TypeError: it holds something else.
    """
    if field.message_type is None:
        raise TypeError(f"{field.full_name} holds no message")
    return field.message_type


def _bindings_of(rule: Any) -> Iterator[Binding]:
    verb = rule.WhichOneof("pattern")
    if verb in VERBS:
        if rule.response_body:
            raise ValueError(f"{getattr(rule, verb)}: response_body is not served")
        yield Binding(verb.upper(), getattr(rule, verb), rule.body)
    elif verb is not None:
        raise ValueError(f"the HTTP verb {verb!r} is not served")
    for more in rule.additional_bindings:
        yield from _bindings_of(more)


def _messages_of(container: FileDescriptor | Descriptor) -> Iterator[Descriptor]:
    nested = (
        container.message_types_by_name.values()
        if isinstance(container, FileDescriptor)
        else container.nested_types
    )
    for message in nested:
        if not message.GetOptions().map_entry:
            yield message
            yield from _messages_of(message)


def _comments_of(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """Full names and comments; places are told by the file message's field numbers and indexes."""
    for place in file.source_code_info.location:
        names = [file.package]
        holder: Any = file
        path = list(place.path)
        while len(path) >= 2 and holder is not None:
            field = holder.DESCRIPTOR.fields_by_number.get(path[0])
            holder = getattr(holder, field.name)[path[1]] if field and field.is_repeated else None
            names.append(getattr(holder, "name", ""))
            path = path[2:]
        if holder is not None and not path and place.leading_comments:
            yield ".".join(names), " ".join(place.leading_comments.split())
