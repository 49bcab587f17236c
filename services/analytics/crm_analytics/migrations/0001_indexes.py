"""The collections and indexes that the service starts with."""

from typing import TYPE_CHECKING, Any

from crm_analytics.insights.documents import ENGAGEMENTS
from crm_analytics.insights.documents import INDEXES as ENGAGEMENT_INDEXES
from crm_analytics.journal.documents import INDEXES as JOURNAL_INDEXES
from crm_analytics.journal.documents import JOURNAL
from crm_chassis.mongo import indexes

if TYPE_CHECKING:
    from pymongo.database import Database


def up(database: "Database[dict[str, Any]]") -> None:
    """Make what is missing."""
    indexes.create(database)
    database[JOURNAL].create_indexes(list(JOURNAL_INDEXES))
    database[ENGAGEMENTS].create_indexes(list(ENGAGEMENT_INDEXES))
