"""What is stored of an import: the file, and the rows that could not be taken."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from crm.api.v1 import options_pb2
from google.protobuf.descriptor import Descriptor
from gridfs import GridFSBucket
from pymongo.collection import Collection
from pymongo.database import Database

from crm_chassis.events.options import option_of
from crm_chassis.mongo.connection import database
from crm_chassis.mongo.indexes import make_collections
from crm_chassis.resources import shape
from crm_chassis.resources.masks import is_read_only
from crm_chassis.resources.shape import Kind
from crm_contacts.contacts.documents import Contact
from crm_contacts.imports.rules import Field, Fields, Form

FILES = "imports"
_FORMS: Mapping[Kind, Form] = {Kind.MESSAGE: Form.GROUP, Kind.ENUM: Form.CHOICE}


def files() -> GridFSBucket:
    """The uploaded files."""
    return GridFSBucket(database(), FILES)


def bad_rows() -> Collection[dict[str, Any]]:
    """The rows that could not be taken: `_id` is `<operation>/<number>`, 0 the header."""
    return database()["bad_rows"]


def create_indexes(database: Database[dict[str, Any]]) -> None:
    """Make the collections, with the indexes that GridFS asks for."""
    database[f"{FILES}.files"].create_index([("filename", 1), ("uploadDate", 1)])
    database[f"{FILES}.chunks"].create_index([("files_id", 1), ("n", 1)], unique=True)
    make_collections(database, ["bad_rows"])


def bad_row_id(operation_id: str, number: int) -> str:
    """The id of a bad row; later rows sort after earlier ones."""
    return f"{operation_id}/{number:010d}"


@cache
def importable_fields() -> Fields:
    """The fields of a contact that a column can fill, as its proto declares them."""
    return _fields(Contact.descriptor())


def _fields(descriptor: Descriptor) -> Fields:
    return {
        field.json_name: _field(field)
        for field in shape.fields_of(descriptor)
        if not is_read_only(field)
    }


def _field(field: shape.Field) -> Field:
    form = _form(field)
    enum = field.descriptor.enum_type
    choices = tuple(value.name for value in enum.values if value.number) if enum else ()
    below = _fields(field.message) if form is Form.GROUP and field.message else {}
    return Field(field.name, form, field.many, field.is_map, choices, below)


def _form(field: shape.Field) -> Form:
    if field.kind in _FORMS:
        return _FORMS[field.kind]
    if field.kind is not Kind.PLAIN:
        return Form.NOTHING
    if option_of(field.descriptor, options_pb2.standard) == options_pb2.CALENDAR_DAY:
        return Form.DAY
    is_flag = field.descriptor.type == field.descriptor.TYPE_BOOL
    return Form.FLAG if is_flag else Form.TEXT
