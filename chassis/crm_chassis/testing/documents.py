"""What must hold of every document: it lists the fields of its message."""

from typing import Any

from google.protobuf.descriptor import Descriptor
from mongoengine import EmbeddedDocumentListField

from crm_chassis.resources.document import Resource
from crm_chassis.resources.shape import Field, Kind, fields_of

_OF_EVERY_RESOURCE = frozenset(Resource._fields)
_COMPUTED = frozenset({"name", "etag"})


def differences(document: type[Resource]) -> list[str]:
    """The paths of the fields that only the message or only the document has."""
    return sorted(_differences(document, document.descriptor(), ""))


def _differences(document: Any, descriptor: Descriptor, prefix: str) -> set[str]:
    stored = set(document._fields)
    told = {field.name: field for field in fields_of(descriptor)}
    beside: frozenset[str] = getattr(document, "beside", frozenset())
    extra = stored - set(told) - _OF_EVERY_RESOURCE - beside
    missing = {name for name, field in told.items() if not _is_stored(name, field, stored)}
    found = {prefix + name for name in extra | missing}
    for name, field in told.items():
        below = document._fields.get(name)
        if isinstance(below, EmbeddedDocumentListField) and field.message is not None:
            kind = below.field.document_type
            found |= _differences(kind, field.message, f"{prefix}{name}.")
    return found


def _is_stored(name: str, field: Field, stored: set[str]) -> bool:
    return name in stored or name in _COMPUTED or field.kind is Kind.STRUCT
