"""The collections and indexes that the service starts with."""

from typing import TYPE_CHECKING, Any

from crm_chassis.mongo import indexes
from crm_service_desk.cases.documents import Case
from crm_service_desk.messages.documents import Message

if TYPE_CHECKING:
    from pymongo.database import Database


def up(database: "Database[dict[str, Any]]") -> None:
    """Make what is missing."""
    indexes.create(database)
    for document in (Case, Message):
        document.ensure_indexes()
