"""Changes to campaigns. Each runs in one transaction and announces what it did."""

from collections.abc import Sequence
from datetime import datetime

from crm_campaigns.campaigns.documents import Campaign
from crm_campaigns.campaigns.queries import stands
from crm_campaigns.campaigns.rules import (
    CANCELLED,
    DELETABLE,
    DRAFT,
    ENDABLE,
    PAUSABLE,
    PAUSED,
    SCHEDULED,
    SENDABLE,
    SENDING,
    changed_fields,
    no_stats,
    refuse_bad_templates,
    refuse_late_changes,
    refuse_past,
    refuse_unless,
)
from crm_campaigns.deliveries.documents import Delivery
from crm_chassis.kernel.errors import NotAllowed
from crm_chassis.mongo import schedule
from crm_chassis.resources.document import take_over
from crm_chassis.resources.transaction import Transaction

# The timers of a campaign, by the names that the worker knows: its start, its recipients some at
# a time, and what becomes of those that a cancelled one does not reach.
START, PLAN, WITHDRAW = "start-campaign", "plan-campaign", "withdraw-campaign"


def create_campaign(tx: Transaction, campaign: Campaign) -> Campaign:
    """Store a new campaign, as a draft.

    Raises:
        Invalid: its subject or body is no template.
    """
    refuse_bad_templates({"subject": campaign.subject, "body": campaign.body})
    campaign.state, campaign.stats, campaign.schedule_time = DRAFT, no_stats(), None
    return tx.insert(campaign)


def update_campaign(
    tx: Transaction, changes: Campaign, paths: Sequence[str], etag: str
) -> Campaign:
    """Take over from `changes` the fields that `paths` name.

    Raises:
        NotFound: there is no such campaign.
        Stale: an `etag` is given, and it has changed since.
        Invalid: as in `create_campaign`.
        NotAllowed: it has gone too far for such a change.
    """
    campaign = tx.load(Campaign, changes.name, expecting=etag)
    take_over(changes, campaign, paths)
    refuse_bad_templates({"subject": campaign.subject, "body": campaign.body})
    changed = changed_fields(campaign.stored, campaign.to_row())
    refuse_late_changes(changed, campaign.state, _is_planned(campaign))
    if campaign.display_name != campaign.stored["display_name"]:
        mine = {"container": campaign.name}
        tx.derive(Delivery, mine, campaign_display_name=campaign.display_name)
    return tx.update(campaign)


def schedule_campaign(tx: Transaction, name: str, moment: datetime, etag: str) -> Campaign:
    """Let a campaign be sent at a time to come; a second call moves it.

    Raises:
        NotFound, Stale: as in `update_campaign`.
        Invalid: the time has gone by.
        NotAllowed: it goes out, or has ended; its audience was deleted.
    """
    campaign = tx.load(Campaign, name, expecting=etag)
    refuse_unless(campaign.state, SENDABLE)
    refuse_past(moment, tx.now)
    _refuse_without_audience(tx, campaign)
    campaign.state, campaign.schedule_time = SCHEDULED, moment
    schedule.schedule(tx, START, name, moment)
    return tx.update(campaign, "scheduled")


def send_campaign(tx: Transaction, name: str, etag: str) -> Campaign:
    """Send a campaign now; of a paused one, what is left.

    Raises:
        NotFound, Stale, NotAllowed: as in `schedule_campaign`.
    """
    campaign = tx.load(Campaign, name, expecting=etag)
    refuse_unless(campaign.state, SENDABLE)
    _refuse_without_audience(tx, campaign)
    schedule.cancel(tx, START, name)
    return _start(tx, campaign)


def start_scheduled(tx: Transaction, name: str) -> None:
    """Send a campaign whose time has come, if it still waits for it."""
    campaign = tx.see(Campaign, name)
    if campaign.state == SCHEDULED:
        _start(tx, campaign)


def pause_campaign(tx: Transaction, name: str, etag: str) -> Campaign:
    """Hold a campaign that goes out or waits for its time. What is on its way arrives.

    Raises:
        NotFound, Stale: as in `update_campaign`.
        NotAllowed: it does neither.
    """
    campaign = tx.load(Campaign, name, expecting=etag)
    refuse_unless(campaign.state, PAUSABLE)
    _stop(tx, campaign, PAUSED)
    return tx.update(campaign, "paused")


def cancel_campaign(tx: Transaction, name: str, etag: str) -> Campaign:
    """End a campaign: what was not sent will not be.

    Raises:
        NotFound, Stale: as in `update_campaign`.
        NotAllowed: it has ended.
    """
    campaign = tx.load(Campaign, name, expecting=etag)
    refuse_unless(campaign.state, ENDABLE)
    _stop(tx, campaign, CANCELLED)
    schedule.schedule(tx, WITHDRAW, name, tx.now)
    return tx.update(campaign, "cancelled")


def delete_campaign(tx: Transaction, name: str, etag: str) -> Campaign:
    """Take a campaign away that neither goes out nor waits for its time.

    Raises:
        NotFound, Stale: as in `update_campaign`.
        NotAllowed: it does.
    """
    campaign = tx.load(Campaign, name, expecting=etag)
    refuse_unless(campaign.state, DELETABLE)
    return tx.delete(campaign)


def undelete_campaign(tx: Transaction, name: str, etag: str) -> Campaign:
    """Bring a campaign back.

    Raises:
        NotFound, Stale: as in `update_campaign`.
        NotAllowed: it was not taken away.
    """
    return tx.undelete(tx.load_deleted(Campaign, name, expecting=etag))


def _start(tx: Transaction, campaign: Campaign) -> Campaign:
    campaign.state, campaign.ready = SENDING, tx.now
    campaign.cause = {
        "correlation_id": tx.call.correlation_id,
        "causation_id": tx.call.causation_id,
        "traceparent": tx.call.traceparent,
    }
    if not campaign.planned:
        schedule.schedule(tx, PLAN, campaign.name, tx.now)
    return tx.update(campaign, "started")


def _stop(tx: Transaction, campaign: Campaign, state: str) -> None:
    campaign.state = state
    for timer in (START, PLAN):
        schedule.cancel(tx, timer, campaign.name)


def _is_planned(campaign: Campaign) -> bool:
    """Whether any of its recipients are settled."""
    return bool(campaign.planned or campaign.planned_to)


def _refuse_without_audience(tx: Transaction, campaign: Campaign) -> None:
    if not stands(tx, campaign.audience):
        raise NotAllowed("Its audience was deleted.", reason="AUDIENCE_DELETED")
