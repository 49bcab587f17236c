"""Restoring a backup into databases that have nothing in them, and making sure that it is whole."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from bson.raw_bson import RawBSONDocument

from crm_chassis.backup.dump import Client, Tell
from crm_chassis.backup.files import BackupError, Manifest, Part, digest_of, read_documents

_AT_ONCE, _BYTES_AT_ONCE = 1_000, 16 * 1024 * 1024


def restore(client: Client, folder: Path, tell: Tell) -> Manifest:
    """Bring all that a backup has into the databases that it came from.

    Nothing is written before every file has proved to be as it was written, and every database to
    be empty. One that fails on its way leaves what it has written: drop that before the next try.

    Raises:
        BackupError: a file is not what was written, a database is not empty, or not all arrived.
        PyMongoError: the server does not answer.
    """
    manifest = Manifest.read(folder)
    for part in manifest.parts:
        _verify(part, folder)
    for name in sorted({part.database for part in manifest.parts}):
        if client[name].list_collection_names():
            raise BackupError(f"The database {name} is not empty.")
    tell(f"as of {manifest.moment}")
    for part in manifest.parts:
        _restore_one(client, part, folder)
        tell(f"{part.name}: {part.documents} documents, {part.size} bytes")
    return manifest


def _verify(part: Part, folder: Path) -> None:
    path = part.path(folder)
    if not path.is_file():
        raise BackupError(f"{path} is missing.")
    if digest_of(path) != part.sha256:
        raise BackupError(f"{path} is not as it was written.")


def _restore_one(client: Client, part: Part, folder: Path) -> None:
    """Documents first, then indexes: by those some documents may vanish at once."""
    database = client[part.database]
    database.command({"create": part.collection, **part.options})
    rows = database[part.collection]
    for batch in _batches(read_documents(part.path(folder))):
        rows.insert_many(batch, ordered=False)
    count = rows.count_documents({})
    if count != part.documents:
        raise BackupError(f"{part.name} has {count} documents, not {part.documents}.")
    own = [index for index in part.indexes if index["name"] != "_id_"]
    if own:
        database.command({"createIndexes": part.collection, "indexes": own})


def _batches(documents: Iterable[RawBSONDocument]) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document.raw)
        if len(batch) >= _AT_ONCE or size >= _BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
