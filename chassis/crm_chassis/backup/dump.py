"""Making a backup: every collection is read in one session that sees one moment only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import OperationFailure

from crm_chassis.backup.files import (
    RAW,
    BackupError,
    Manifest,
    Part,
    digest_of,
    file_of,
    write_documents,
)
from crm_chassis.kernel.clock import rfc3339

Tell = Callable[[str], None]
Client = MongoClient[dict[str, Any]]
# The server keeps the past for so long only, and tells so by these codes.
_TOO_OLD, _UNAVAILABLE = 239, 246
_TOO_LONG = (
    "The server no longer keeps the moment that the backup began at. Let it keep more of the past: "
    "db.adminCommand({setParameter: 1, minSnapshotHistoryWindowInSeconds: 3600})"
)
_TELL_EVERY = 50_000


def dump(client: Client, databases: Sequence[str], folder: Path, tell: Tell) -> Manifest:
    """Write all that is in the databases, as it was at one moment, to a new folder.

    Raises:
        BackupError: the folder has something in it, a database has nothing, or the server no
            longer keeps the moment; what was written has no manifest then.
        PyMongoError: the server does not answer.
    """
    _prepare(folder)
    kept = [(client[name], info) for name in databases for info in _collections(client[name])]
    with client.start_session(snapshot=True) as session:
        try:
            moment = _moment(*kept[0], session)
            tell(f"as of {moment}")
            parts = [_dump_one(database, info, session, folder, tell) for database, info in kept]
        except OperationFailure as error:
            if error.code in (_TOO_OLD, _UNAVAILABLE):
                raise BackupError(_TOO_LONG) from error
            raise
    manifest = Manifest(moment, parts)
    manifest.write(folder)
    return manifest


def _prepare(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BackupError(f"{folder} has something in it: a backup gets a folder of its own.")


def _collections(database: Database[dict[str, Any]]) -> list[dict[str, Any]]:
    wanted = {"type": "collection", "name": {"$not": {"$regex": r"^system\."}}}
    found = [dict(info) for info in database.list_collections(filter=wanted)]
    if not found:
        raise BackupError(f"There is nothing in the database {database.name}.")
    return sorted(found, key=lambda info: str(info["name"]))


def _moment(
    database: Database[dict[str, Any]], info: Mapping[str, Any], session: ClientSession
) -> str:
    """When the moment is that the session sees, in whole seconds: its first read decides."""
    first = database.command({"find": info["name"], "limit": 1}, session=session)
    moment: datetime = first["cursor"]["atClusterTime"].as_datetime()
    return rfc3339(moment)


def _dump_one(
    database: Database[dict[str, Any]],
    info: dict[str, Any],
    session: ClientSession,
    folder: Path,
    tell: Tell,
) -> Part:
    name = info["name"]
    indexes: list[Mapping[str, Any]] = [dict(one) for one in database[name].list_indexes()]
    path = folder / file_of(database.name, name)
    rows = database[name].with_options(codec_options=RAW).find({}, session=session)
    count, size = write_documents(path, _counted(rows, f"{database.name}.{name}", tell))
    tell(f"{database.name}.{name}: {count} documents, {size} bytes")
    return Part(database.name, name, info["options"], indexes, count, size, digest_of(path))


def _counted(rows: Any, name: str, tell: Tell) -> Iterator[RawBSONDocument]:
    for number, row in enumerate(rows, 1):
        if number % _TELL_EVERY == 0:
            tell(f"{name}: {number} so far")
        yield row
