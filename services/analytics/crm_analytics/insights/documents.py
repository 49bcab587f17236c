"""What is stored of an engagement: a row for each interaction, deal, case or person of a customer.

A row has `_id` (the resource's name), `sequence` (the version it speaks of), `collection`,
`customers`, `parent`, `deleted`, and where there are such `time`, `state` and `amount`
(`{currency_code, amount: Decimal128}`).
"""

from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, IndexModel

from crm_chassis.mongo.connection import database

if TYPE_CHECKING:
    from pymongo.collection import Collection

ENGAGEMENTS = "engagements"
INDEXES = (IndexModel([("customers", ASCENDING)]),)


def engagements() -> "Collection[dict[str, Any]]":
    """The collection."""
    return database()[ENGAGEMENTS]
