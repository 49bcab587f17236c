"""The collections and indexes that the service starts with."""

from typing import TYPE_CHECKING, Any

from crm_chassis.mongo import indexes
from crm_sales.deals.documents import Deal
from crm_sales.pipelines.documents import Pipeline

if TYPE_CHECKING:
    from pymongo.database import Database


def up(database: "Database[dict[str, Any]]") -> None:
    """Make what is missing."""
    indexes.create(database)
    for document in (Pipeline, Deal):
        document.ensure_indexes()
