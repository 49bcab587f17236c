"""Backups: of one moment, verified, and into empty databases only."""

import gzip
import json
import sys
from datetime import UTC, datetime
from decimal import Decimal

import gridfs
import pytest
from bson import Binary, Decimal128
from pymongo import ASCENDING, IndexModel

from crm_chassis.backup.__main__ import connected, main
from crm_chassis.backup.dump import dump
from crm_chassis.backup.files import BackupError
from crm_chassis.backup.restore import restore

DAY = 86_400
INDEXES = [
    IndexModel([("time", ASCENDING)], expireAfterSeconds=DAY),
    IndexModel([("b", 1), ("a", -1)], partialFilterExpression={"pending": True}, name="pending"),
    IndexModel([("word", 1)], unique=True, sparse=True),
]


def nothing(_text):
    """Tells nobody."""


@pytest.fixture
def client(mongo_uri):
    with connected(mongo_uri) as client:
        yield client


@pytest.fixture
def names(client, database):
    """Two databases with something of every kind in them."""
    names = (f"{database.name}_a", f"{database.name}_b")
    first, second = (client[name] for name in names)
    rows = [
        # Not over yet: once a minute the server takes away what is.
        {"_id": n, "amount": Decimal128(Decimal("1.10")), "time": datetime(2100, 1, 1, tzinfo=UTC)}
        for n in range(2_500)
    ]
    first["rows"].insert_many(rows)
    first["rows"].create_indexes(INDEXES)
    first.create_collection("empty", validator={"$jsonSchema": {"required": ["a"]}})
    gridfs.GridFS(second).put(b"x" * 300_000, filename="x")
    second["bytes"].insert_one({"_id": Binary(b"\0\1"), "name": "Zoë"})
    yield names
    for name in names:
        client.drop_database(name)


def all_of(client, name):
    """The documents, indexes and options of every collection."""
    found = client[name].list_collections()
    return {
        info["name"]: (
            info["options"],
            client[name][info["name"]].index_information(),
            list(client[name][info["name"]].find().sort("_id")),
        )
        for info in found
    }


def test_what_was_in_the_databases_is_in_them_again(client, names, tmp_path):
    before = {name: all_of(client, name) for name in names}
    dump(client, names, tmp_path / "backup", nothing)
    for name in names:
        client.drop_database(name)

    manifest = restore(client, tmp_path / "backup", nothing)

    assert {name: all_of(client, name) for name in names} == before
    assert sum(part.documents for part in manifest.parts) == 2_500 + 1 + 1 + 2


def test_a_backup_sees_one_moment_only(client, names, tmp_path):
    first, second = names

    def change(text):
        if text.startswith("as of"):
            client[first]["rows"].delete_many({})
            client[second]["bytes"].insert_one({"_id": "later"})

    manifest = dump(client, names, tmp_path / "backup", change)

    counts = {part.name: part.documents for part in manifest.parts}
    assert (counts[f"{first}.rows"], counts[f"{second}.bytes"]) == (2_500, 1)


def test_nothing_is_restored_over_something(client, names, tmp_path):
    dump(client, names, tmp_path / "backup", nothing)
    client.drop_database(names[0])

    with pytest.raises(BackupError, match=f"{names[1]} is not empty"):
        restore(client, tmp_path / "backup", nothing)

    assert client[names[0]].list_collection_names() == []


def test_a_file_that_was_changed_is_not_restored(client, names, tmp_path):
    dump(client, names, tmp_path / "backup", nothing)
    for name in names:
        client.drop_database(name)
    file = tmp_path / "backup" / names[0] / "rows.bson.gz"
    content = gzip.decompress(file.read_bytes())
    file.write_bytes(gzip.compress(content.replace(b"amount", b"Amount", 1)))

    with pytest.raises(BackupError, match=r"rows\.bson\.gz is not as it was written"):
        restore(client, tmp_path / "backup", nothing)
    file.unlink()
    with pytest.raises(BackupError, match=r"rows\.bson\.gz is missing"):
        restore(client, tmp_path / "backup", nothing)

    assert client[names[1]].list_collection_names() == []


def test_a_backup_that_was_not_finished_is_none(client, names, tmp_path):
    folder = tmp_path / "backup"
    dump(client, names, folder, nothing)

    with pytest.raises(BackupError, match="something in it"):
        dump(client, names, folder, nothing)
    with pytest.raises(BackupError, match="nothing in the database"):
        dump(client, ["nobodys"], tmp_path / "other", nothing)
    (folder / "manifest.json").unlink()
    with pytest.raises(BackupError, match="not finished"):
        restore(client, folder, nothing)


def test_a_later_format_is_refused(client, names, tmp_path):
    folder = tmp_path / "backup"
    dump(client, names, folder, nothing)
    told = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**told, "format": 2}), "utf-8")

    with pytest.raises(BackupError, match="format 2"):
        restore(client, folder, nothing)


def test_the_command_takes_the_address_from_a_file(client, names, mongo_uri, tmp_path, monkeypatch):
    (tmp_path / "uri").write_text(f"{mongo_uri}\n", "utf-8")
    monkeypatch.setenv("CRM_BACKUP_MONGODB_URI_FILE", str(tmp_path / "uri"))
    folder = str(tmp_path / "backup")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["backup", *arguments])
        return main()

    made = run("dump", "--databases", ",".join(names), folder)
    refused = run("restore", folder)
    for name in names:
        client.drop_database(name)
    restored = run("restore", folder)

    assert (made, refused, restored) == (0, 1, 0)
    assert client[names[0]]["rows"].estimated_document_count() == 2_500
