"""The collections and indexes that the service starts with."""

from typing import TYPE_CHECKING, Any

from crm_campaigns.audiences.documents import Audience
from crm_campaigns.campaigns.documents import Campaign
from crm_campaigns.deliveries.documents import Delivery
from crm_campaigns.members.documents import Member
from crm_campaigns.recipients.documents import COLLECTIONS
from crm_chassis.mongo import indexes

if TYPE_CHECKING:
    from pymongo.database import Database


def up(database: "Database[dict[str, Any]]") -> None:
    """Make what is missing."""
    indexes.create(database)
    indexes.make_collections(database, COLLECTIONS)
    for document in (Audience, Member, Campaign, Delivery):
        document.ensure_indexes()
