"""What indicators follow from is found by indexes."""

from typing import TYPE_CHECKING, Any

from crm_analytics.journal.documents import INDEXES as JOURNAL_INDEXES
from crm_analytics.journal.documents import JOURNAL
from crm_analytics.kpis.documents import INDEXES as SPAN_INDEXES
from crm_analytics.kpis.documents import OPEN_SPANS

if TYPE_CHECKING:
    from pymongo.database import Database


def up(database: "Database[dict[str, Any]]") -> None:
    """Make the indexes. No service told of deals or cases before."""
    database[JOURNAL].create_indexes(list(JOURNAL_INDEXES))
    database[OPEN_SPANS].create_indexes(list(SPAN_INDEXES))
