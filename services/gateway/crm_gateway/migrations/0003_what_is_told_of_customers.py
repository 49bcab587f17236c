"""What was told of a customer of late is found by an index."""

from typing import TYPE_CHECKING, Any

from crm_chassis.mongo import indexes

if TYPE_CHECKING:
    from pymongo.database import Database


def up(database: "Database[dict[str, Any]]") -> None:
    """Make the index."""
    indexes.create(database)
