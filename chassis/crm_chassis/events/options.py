"""What the protos say by options, read in one place."""

from typing import Any, cast


def option_of(descriptor: Any, extension: Any) -> Any:
    """The value of an option of a service, method, message or field; its default when not said."""
    return cast(Any, descriptor.GetOptions().Extensions[extension])
