"""The one connection of a process to its service's database."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from pymongo import MongoClient
from pymongo.database import Database

if TYPE_CHECKING:
    from pymongo.collection import Collection

ALIAS = "default"


class _Database(Database[dict[str, Any]]):
    """A database that makes the object of each collection once, not at each use."""

    def __init__(self, client: MongoClient[dict[str, Any]], name: str) -> None:
        super().__init__(client, name)
        self._made: dict[str, Collection[dict[str, Any]]] = {}

    def __getitem__(self, name: str) -> "Collection[dict[str, Any]]":
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = super().__getitem__(name)
        return found


class _Connection:
    """What `connect` opened: the only state that a process holds globally."""

    client: MongoClient[dict[str, Any]] | None = None
    database: Database[dict[str, Any]] | None = None


def connect(uri: str, database: str, **options: Any) -> None:
    """Open the process's connection; a second call replaces the first.

    Raises:
        ValueError: the URI sets `w`: inside a transaction the server refuses it, and a majority
            is the server's own default.
    """
    if "w=" in uri.partition("?")[2]:
        raise ValueError("the MongoDB URI must not set w")
    disconnect()
    _Connection.client = MongoClient(
        uri,
        tz_aware=True,
        uuidRepresentation="standard",
        serverSelectionTimeoutMS=options.pop("serverSelectionTimeoutMS", 5_000),
        **options,
    )
    _Connection.database = _Database(_Connection.client, database)


def disconnect() -> None:
    """Close the connection, if there is one."""
    if _Connection.client is not None:
        _Connection.client.close()
    _Connection.client = _Connection.database = None


def client() -> MongoClient[dict[str, Any]]:
    """The process's client.

    Raises:
        RuntimeError: nobody has connected.
    """
    if _Connection.client is None:
        raise RuntimeError("not connected to MongoDB")
    return _Connection.client


def database() -> Database[dict[str, Any]]:
    """The service's own database.

    Raises:
        RuntimeError: nobody has connected.
    """
    if _Connection.database is None:
        raise RuntimeError("not connected to MongoDB")
    return _Connection.database


def ping() -> None:
    """Do nothing while the database answers.

    Raises:
        PyMongoError: it does not.
    """
    client().admin.command("ping")


def without_zones(collection: "Collection[dict[str, Any]]") -> "Collection[dict[str, Any]]":
    """The same collection, whose moments come without a zone: they are UTC, and read faster."""
    options: CodecOptions[dict[str, Any]] = CodecOptions(
        uuid_representation=UuidRepresentation.STANDARD
    )
    return collection.with_options(codec_options=options)


def count(collection: str, condition: Mapping[str, Any], limit: int) -> int:
    """How many rows fulfil a condition, up to a limit.

    By the command that walks an index and nothing else: an aggregation, which is what pymongo's
    own counting asks for, takes half as long again.
    """
    told = database().command("count", collection, query=condition, limit=limit)
    found: int = told["n"]
    return found
