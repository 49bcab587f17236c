"""Writes down what `buf breaking` does not compare: every option of ours, one thing a line."""

import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor, FileDescriptor

from image import Described, Image


def main() -> None:
    """Print the surface of the image named on the command line."""
    sys.stdout.write(surface_of(Path(sys.argv[1]).read_bytes()))


def surface_of(content: bytes) -> str:
    """The options of the image's own files, a line each, in the order of their names."""
    image = Image(content)
    files = [image.pool.FindFileByName(file.name) for file in image.files]
    return "".join(
        f"{line}\n" for line in sorted(line for file in files for line in lines_of(image, file))
    )


def lines_of(image: Image, file: FileDescriptor) -> Iterator[str]:
    for service in file.services_by_name.values():
        yield f"service {service.full_name}: {words_of(image, service)}"
        for method in service.methods:
            yield f"rpc {method.full_name}: {words_of(image, method)}"
    for message in file.message_types_by_name.values():
        yield from lines_of_message(image, message)


def lines_of_message(image: Image, message: Descriptor) -> Iterator[str]:
    if message.GetOptions().map_entry:
        return
    if words := words_of(image, message):
        yield f"message {message.full_name}: {words}"
    for field in message.fields:
        if words := words_of(image, field):
            yield f"field {field.full_name}: {words}"
    for nested in message.nested_types:
        yield from lines_of_message(image, nested)


def words_of(image: Image, described: Described) -> str:
    return text_format.MessageToString(
        image.options(described), as_one_line=True, descriptor_pool=image.pool
    )


if __name__ == "__main__":
    main()
