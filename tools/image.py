"""Reads a descriptor image: its files, and options with the extensions that it declares itself."""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import (
    Descriptor,
    FieldDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.message import Message

Described = Descriptor | FieldDescriptor | MethodDescriptor | ServiceDescriptor


class Image:
    """The files of an image in a pool of its own."""

    def __init__(self, content: bytes) -> None:
        self.pool = descriptor_pool.DescriptorPool()
        files = descriptor_pb2.FileDescriptorSet.FromString(content)
        for file in files.file:
            self.pool.Add(file)
        self.files = [file for file in files.file if file.name.startswith("crm/")]

    def options(self, described: Described) -> Message:
        """All options of something, those of ours included."""
        raw = described.GetOptions()
        known = self.pool.FindMessageTypeByName(raw.DESCRIPTOR.full_name)
        return message_factory.GetMessageClass(known).FromString(raw.SerializeToString())

    def option(self, described: Described, name: str) -> Any:
        """One option, by the full name of its extension; its default where it is not set."""
        extensions: Any = self.options(described).Extensions
        return extensions[self.pool.FindExtensionByName(name)]
