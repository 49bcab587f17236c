"""What may become of campaigns."""

from datetime import timedelta

import pytest

from crm_campaigns.audiences.commands import delete_audience
from crm_campaigns.campaigns.commands import (
    cancel_campaign,
    delete_campaign,
    pause_campaign,
    schedule_campaign,
    send_campaign,
    undelete_campaign,
    update_campaign,
)
from crm_campaigns.campaigns.documents import Campaign
from crm_campaigns.testing import (
    a_campaign,
    a_contact,
    a_started_campaign,
    deliveries_of,
    fire_all,
    stored,
)
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Invalid, NotAllowed
from crm_chassis.mongo.connection import database as connected
from crm_chassis.resources.transaction import in_transaction

LATER = timedelta(hours=1)


def test_a_new_campaign_is_a_draft_with_nothing_counted():
    campaign = a_campaign(state="SENT", stats={"sent": 7}, schedule_time=now())

    row = stored(campaign)
    assert (row["state"], set(row["stats"].values())) == ("DRAFT", {0})
    assert "schedule_time" not in row


def test_a_template_that_does_not_parse_is_refused_where_it_stands():
    with pytest.raises(Invalid) as made:
        a_campaign(subject="{{ a")
    campaign = a_campaign()
    changes = Campaign(id=campaign.id, body="{% nope %}")
    with pytest.raises(Invalid) as changed:
        in_transaction(update_campaign, changes, ["body"], campaign.etag)

    assert [flaw.field for flaw in made.value.flaws] == ["subject"]
    assert [flaw.field for flaw in changed.value.flaws] == ["body"]


def test_a_scheduled_campaign_can_be_moved_held_and_sent_at_once():
    campaign = a_campaign([a_contact()])
    in_transaction(schedule_campaign, campaign.name, now() + LATER, "")
    in_transaction(schedule_campaign, campaign.name, now() + 2 * LATER, "")
    assert connected()["timers"].count_documents({}) == 1

    in_transaction(pause_campaign, campaign.name, "")
    assert connected()["timers"].count_documents({}) == 0
    in_transaction(send_campaign, campaign.name, "")
    fire_all()

    assert stored(campaign)["state"] == "SENDING"
    assert len(deliveries_of(campaign)) == 1


def test_no_campaign_is_scheduled_for_the_past():
    with pytest.raises(Invalid):
        in_transaction(schedule_campaign, a_campaign().name, now() - LATER, "")


@pytest.mark.parametrize(
    "verb", [send_campaign, pause_campaign, cancel_campaign], ids=["send", "pause", "cancel"]
)
def test_what_has_ended_cannot_go_on(verb):
    campaign = a_campaign()
    in_transaction(cancel_campaign, campaign.name, "")

    with pytest.raises(NotAllowed) as refused:
        in_transaction(verb, campaign.name, "")

    assert refused.value.reason == "CAMPAIGN_CANCELLED"


def test_a_draft_cannot_be_paused():
    with pytest.raises(NotAllowed):
        in_transaction(pause_campaign, a_campaign().name, "")


def test_a_campaign_without_an_audience_is_not_sent():
    campaign = a_campaign()
    in_transaction(delete_audience, campaign.audience, "")

    with pytest.raises(NotAllowed) as refused:
        in_transaction(send_campaign, campaign.name, "")

    assert refused.value.reason == "AUDIENCE_DELETED"


def test_what_goes_out_is_deleted_only_after_it_was_held():
    campaign = a_started_campaign([a_contact()])
    with pytest.raises(NotAllowed):
        in_transaction(delete_campaign, campaign.name, "")

    in_transaction(pause_campaign, campaign.name, "")
    in_transaction(delete_campaign, campaign.name, "")
    in_transaction(undelete_campaign, campaign.name, "")

    assert stored(campaign)["state"] == "PAUSED"


def test_deliveries_show_the_new_name_of_their_campaign():
    campaign = a_started_campaign([a_contact()])
    changes = Campaign(id=campaign.id, display_name="Summer")

    in_transaction(update_campaign, changes, ["display_name"], "")

    assert [row["campaign_display_name"] for row in deliveries_of(campaign)] == ["Summer"]


def test_a_change_leaves_what_was_counted_as_it_is():
    campaign = a_started_campaign([a_contact(), a_contact()])
    changes = Campaign(id=campaign.id, display_name="Summer")

    in_transaction(update_campaign, changes, ["display_name"], "")

    row = stored(campaign)
    assert (row["stats"]["recipients"], row["planned"]) == (2, True)
    assert "ready" in row
