"""What is stored of a resource: the one base class of the house."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from mongoengine import DateTimeField, Document, IntField, ListField, StringField

from crm_chassis.kernel.ids import id_of
from crm_chassis.mongo.connection import database
from crm_chassis.resources.etags import etag_of
from crm_chassis.resources.shape import field_names, pattern_of

_NOTHING: dict[str, Any] = {}


class Resource(Document):
    """A document with the field names of its message.

    `message` decides: its proto names the collection, the pattern of its names and the events
    that it announces. `unique` names fields whose value no two resources share; `searchable` the
    fields whose words it is found by, `title_field` and `snippet_fields` show what was found.
    `owner_field` and `teams_field` decide who sees it.
    """

    meta: ClassVar[Mapping[str, Any]] = {
        "abstract": True,
        "strict": False,
        "auto_create_index": False,
        # What the ledger compares with the log.
        "indexes": ["update_time"],
    }
    message: ClassVar[type[Message]]
    unique: ClassVar[Sequence[str]] = ()
    searchable: ClassVar[Sequence[str]] = ()
    title_field: ClassVar[str] = "display_name"
    snippet_fields: ClassVar[Sequence[str]] = ()
    # Searchable fields that are telephone numbers.
    numbers: ClassVar[Sequence[str]] = ()
    # The migration since which what it is found by is in `terms`; without one it is in `words`.
    terms_since: ClassVar[str] = ""
    owner_field: ClassVar[str] = "owner"
    teams_field: ClassVar[str] = "teams"
    # The kind of resource that it stands below, where it does.
    container_document: "ClassVar[type[Resource] | None]" = None
    # Stages after the rows of a moment are put together: what is derived among them.
    as_of_stages: ClassVar[Sequence[Mapping[str, Any]]] = ()

    id: str = StringField(primary_key=True)
    version: int = IntField()
    container: str | None = StringField()
    owner: str | None = StringField()
    teams: list[str] = ListField(StringField())
    create_time = DateTimeField()
    update_time = DateTimeField()
    delete_time = DateTimeField()
    # What it is found by; made by storing.
    words: list[str] = ListField(StringField())

    # The row that a transaction read or wrote last; what an update is compared with.
    stored: dict[str, Any] = _NOTHING

    def __init_subclass__(cls, **options: Any) -> None:
        """Spare lists and maps mongoengine's search for its own references: there are none here."""
        super().__init_subclass__(**options)
        for field in cls._fields.values():
            field.set_auto_dereferencing(False)

    @classmethod
    def _get_db(cls) -> Any:
        return database()

    @classmethod
    def _get_collection(cls) -> Any:
        return cls.rows()

    @classmethod
    def descriptor(cls) -> Descriptor:
        """The descriptor of its message."""
        return cast(Descriptor, cls.message.DESCRIPTOR)

    @classmethod
    def collection(cls) -> str:
        """The collection in resource names, such as `apiKeys`."""
        return pattern_of(cls.descriptor()).collection

    @classmethod
    def container_collection(cls) -> str | None:
        """The collection that its resources stand below, if they do."""
        return pattern_of(cls.descriptor()).container

    @classmethod
    def is_owned(cls) -> bool:
        """Whether it has an owner of its own, and so decides itself who sees it."""
        return cls.owner_field == "_id" or cls.owner_field in field_names(cls.descriptor())

    @classmethod
    def rows(cls) -> Any:
        """The pymongo collection that its rows are in."""
        return database()[cls._get_collection_name()]

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Self:
        """The document of a stored row."""
        document: Self = cls._from_son(row)
        return document

    @classmethod
    def key_of(cls, name: str) -> dict[str, Any]:
        """The condition that finds the row of a resource name."""
        if cls.container_collection() is None:
            return {"_id": id_of(name)}
        return {"_id": id_of(name), "container": name.rsplit("/", 2)[0]}

    def to_row(self) -> dict[str, Any]:
        """The row as it is stored: nothing for what is not set."""
        return {name: value for name, value in self.to_mongo().items() if _is_set(value)}

    @property
    def name(self) -> str:
        """The resource name."""
        own = f"{self.collection()}/{self.id}"
        return f"{self.container}/{own}" if self.container else own

    @property
    def etag(self) -> str:
        """The tag of its version."""
        return etag_of(self.version)


def sparse(field: str) -> Mapping[str, Any]:
    """The index of a field that many rows do not have: those have no entry in it."""
    return {"fields": [field], "sparse": True}


def take_over(changes: Resource, document: Resource, paths: Sequence[str]) -> None:
    """Set the fields of `document` that `paths` name to the values that `changes` has.

    A path is a field, or a key of a map (`external_ids.erp`); a value that is not set clears.
    """
    for path in paths:
        field, _, key = path.partition(".")
        value = getattr(changes, field)
        if key:
            merged = {**getattr(document, field)}
            merged.pop(key, None)
            merged.update({key: value[key]} if key in value else {})
            value = merged
        setattr(document, field, value)


_EMPTY: tuple[Any, ...] = ([], {}, "")


def _is_set(value: Any) -> bool:
    return value is not None and value is not False and value not in _EMPTY
