"""Writes down what `buf breaking` does not compare: the options of every RPC, message and field, one a line."""

import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.message import Message


def main() -> None:
    """Print the surface of the image named on the command line."""
    sys.stdout.write(surface_of(Path(sys.argv[1]).read_bytes()))


def surface_of(image: bytes) -> str:
    """The options of the image's own files, a line each, in the order of their names."""
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString(image)
    for file in files.file:
        pool.Add(file)
    reader = Reader(pool)
    ours = [pool.FindFileByName(file.name) for file in files.file if file.name.startswith("crm/")]
    return "".join(f"{line}\n" for line in sorted(line for file in ours for line in reader.lines(file)))


class Reader:
    """Words options with the extensions that the image itself declares."""

    def __init__(self, pool: descriptor_pool.DescriptorPool) -> None:
        self._pool = pool

    def lines(self, file: FileDescriptor) -> Iterator[str]:
        for service in file.services_by_name.values():
            yield f"service {service.full_name}: {self._words(service.GetOptions())}"
            for method in service.methods:
                yield f"rpc {method.full_name}: {self._words(method.GetOptions())}"
        for message in file.message_types_by_name.values():
            yield from self._message(message)

    def _message(self, message: Descriptor) -> Iterator[str]:
        if message.GetOptions().map_entry:
            return
        words = self._words(message.GetOptions())
        if words:
            yield f"message {message.full_name}: {words}"
        for field in message.fields:
            words = self._words(field.GetOptions())
            if words:
                yield f"field {field.full_name}: {words}"
        for nested in message.nested_types:
            yield from self._message(nested)

    def _words(self, options: Message) -> str:
        known = self._pool.FindMessageTypeByName(options.DESCRIPTOR.full_name)
        read = message_factory.GetMessageClass(known).FromString(options.SerializeToString())
        return text_format.MessageToString(read, as_one_line=True, descriptor_pool=self._pool)


if __name__ == "__main__":
    main()
