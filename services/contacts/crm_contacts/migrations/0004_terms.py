"""What a contact is found by moves from `words` to `terms`: numbers as people write them, too.

It expands: docs/migrations.md tells the steps.
"""

from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

from crm_chassis.mongo.expansion import Batch
from crm_chassis.resources.search import TERMS, WORDS, terms_of
from crm_contacts.contacts.documents import Contact

if TYPE_CHECKING:
    from pymongo.database import Database

    Data = Database[dict[str, Any]]

AT_ONCE = 500
_LACKING = {TERMS: {"$exists": False}}


def up(database: "Data") -> None:
    """Make the index of the new field; that of the old one stays."""
    _rows(database).create_index(TERMS)


def backfill(database: "Data", after: str) -> Batch:
    """Give some contacts their terms; one that is changed meanwhile is left to the next pass."""
    wanted = {**_LACKING, "_id": {"$gt": after}}
    rows = list(_rows(database).find(wanted).sort("_id").limit(AT_ONCE))
    changes = [
        UpdateOne(
            {"_id": row["_id"], "version": row["version"]},
            {"$set": {TERMS: terms_of(Contact, row)}},
        )
        for row in rows
    ]
    if changes:
        _rows(database).bulk_write(changes, ordered=False)
    return Batch(rows[-1]["_id"] if len(rows) == AT_ONCE else "", len(rows))


def lacking(database: "Data") -> int:
    """How many contacts have no terms yet."""
    return int(_rows(database).count_documents(_LACKING))


def contract(database: "Data") -> None:
    """Drop the index of the old field, and the field, some contacts at a time."""
    rows = _rows(database)
    if "words_1" in rows.index_information():
        rows.drop_index("words_1")
    after = ""
    while True:
        having = {"_id": {"$gt": after}, WORDS: {"$exists": True}}
        ids = [row["_id"] for row in rows.find(having, {"_id": 1}).sort("_id").limit(AT_ONCE)]
        if not ids:
            return
        rows.update_many({"_id": {"$in": ids}}, {"$unset": {WORDS: ""}})
        after = ids[-1]


def _rows(database: "Data") -> Any:
    return database[Contact.rows().name]
