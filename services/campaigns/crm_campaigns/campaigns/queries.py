"""Reads of campaigns."""

from typing import Any

from crm_campaigns.audiences.documents import Audience
from crm_campaigns.campaigns.documents import Campaign
from crm_campaigns.campaigns.rules import SENDING
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.ids import id_of
from crm_chassis.resources.transaction import Transaction

Row = dict[str, Any]


def campaign_to_carry_on() -> Row | None:
    """The campaign that waits the longest for the sender to look at it; None when none does."""
    row: Row | None = Campaign.rows().find_one({"ready": {"$lte": now()}}, sort=[("ready", 1)])
    return row


def is_sending(campaign_id: str) -> bool:
    """Whether the campaign goes out at this moment."""
    wanted = {"_id": campaign_id, "state": SENDING}
    return Campaign.rows().find_one(wanted, {"_id": 1}) is not None


def stands(tx: Transaction, audience: str) -> bool:
    """Whether an audience is there and was not deleted."""
    wanted = {"_id": id_of(audience), "delete_time": None}
    return Audience.rows().find_one(wanted, {"_id": 1}, session=tx.session) is not None
