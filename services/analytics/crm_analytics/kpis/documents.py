"""What is stored for indicators: a row for each version of a deal or a case that was open.

A row has `_id` (name and version), `subject`, `sequence`, `collection`, `parent`, `start`, `end`
(the next version's time; `LASTING` while there is none) and, where there is one, `amount`
(`{currency_code, amount: Decimal128}`).
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, IndexModel

from crm_chassis.mongo.connection import database

if TYPE_CHECKING:
    from pymongo.collection import Collection

OPEN_SPANS = "open_spans"
INDEXES = (
    IndexModel([("collection", ASCENDING), ("end", ASCENDING)]),
    IndexModel([("subject", ASCENDING), ("sequence", ASCENDING)]),
)
LASTING = datetime(9999, 12, 31, tzinfo=UTC)


def open_spans() -> "Collection[dict[str, Any]]":
    """The collection."""
    return database()[OPEN_SPANS]
