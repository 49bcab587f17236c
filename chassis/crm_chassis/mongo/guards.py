"""Guards: what transactions touch so that those which must not happen at once conflict.

Many may share a guard: each touches one of its few rows by chance, and only two on the same row
wait for one another. Whoever excludes them touches all rows: rare, and as dear as it should be.
"""

from random import randrange
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

from crm_chassis.mongo.connection import database

if TYPE_CHECKING:
    from pymongo.collection import Collection

    from crm_chassis.mongo.claiming import Change

COLLECTION = "guards"
ROWS = 16


def share(tx: "Change", name: str) -> None:
    """Conflict with whoever excludes others from what has this name, until the end."""
    _rows().bulk_write([_touch(name, randrange(ROWS))], session=tx.session)


def exclude(tx: "Change", name: str) -> None:
    """Conflict with everybody who shares what has this name, until the end."""
    touched = [_touch(name, number) for number in range(ROWS)]
    _rows().bulk_write(touched, ordered=False, session=tx.session)


def _touch(name: str, number: int) -> UpdateOne:
    return UpdateOne({"_id": f"{name} {number}"}, {"$inc": {"touched": 1}}, upsert=True)


def _rows() -> "Collection[dict[str, Any]]":
    return database()[COLLECTION]
