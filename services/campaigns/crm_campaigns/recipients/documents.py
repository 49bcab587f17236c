"""Where it is kept what contacts tell of themselves: rows of our own, copies of another's."""

from typing import TYPE_CHECKING, Any

from crm_chassis.mongo.connection import database

if TYPE_CHECKING:
    from pymongo.collection import Collection

COLLECTIONS = ("recipients", "said")


def recipients() -> "Collection[dict[str, Any]]":
    """By a contact's name: its JSON, how new that is, and whether it was deleted."""
    return database()["recipients"]


def said() -> "Collection[dict[str, Any]]":
    """By contact, purpose and channel: what was said last, and when."""
    return database()["said"]
