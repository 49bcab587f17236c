"""Which fields a change is about."""

from collections.abc import Sequence

from google.api import field_behavior_pb2
from google.protobuf.message import Message

from crm_chassis.events.options import option_of
from crm_chassis.kernel.errors import Flaw, refuse_flaws
from crm_chassis.resources.shape import Field, fields_of

_READ_ONLY = frozenset({field_behavior_pb2.OUTPUT_ONLY, field_behavior_pb2.IDENTIFIER})


def mask_paths(resource: Message, paths: Sequence[str]) -> list[str]:
    """The fields to take over: those the mask names, else those that are set.

    Raises:
        Invalid: a path is no field, is set by the system, or goes deeper than a map's key.
    """
    fields = {field.name: field for field in fields_of(resource.DESCRIPTOR)}
    if not paths:
        return [
            field.name for field, _ in resource.ListFields() if _fault(field.name, fields) is None
        ]
    refuse_flaws(
        Flaw("update_mask", reason, description, "query")
        for path in paths
        if (reason := _fault(path, fields)) is not None
        for description in [f"{path} cannot be changed"]
    )
    return list(dict.fromkeys(paths))


def is_read_only(field: Field) -> bool:
    """Whether the system alone sets the field."""
    behaviors = option_of(field.descriptor, field_behavior_pb2.field_behavior)
    return not _READ_ONLY.isdisjoint(behaviors)


def _fault(path: str, fields: dict[str, Field]) -> str | None:
    name, dot, key = path.partition(".")
    field = fields.get(name)
    if field is None or (dot and (not field.is_map or not key)):
        return "UNKNOWN_FIELD"
    behaviors = option_of(field.descriptor, field_behavior_pb2.field_behavior)
    if is_read_only(field) or field_behavior_pb2.IMMUTABLE in behaviors:
        return "READ_ONLY"
    return None
