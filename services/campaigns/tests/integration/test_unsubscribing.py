"""The link in a mail: who follows it gets no more."""

import pytest
from crm.campaigns.v1 import deliveries_pb2, deliveries_pb2_grpc

from crm_campaigns.api import DOCUMENTS, SERVICES
from crm_campaigns.campaigns.documents import Campaign
from crm_campaigns.deliveries.documents import Delivery
from crm_campaigns.testing import (
    a_contact,
    a_started_campaign,
    deliveries_of,
    states_of,
    stored,
    until_over,
)
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Forbidden, NotFound
from crm_chassis.mongo.connection import database as connected
from crm_chassis.telemetry.context import service_principal
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.grpc import make_keys, serving

Request = deliveries_pb2.UnsubscribeDeliveryRequest


@pytest.fixture
def served(tmp_path):
    keys = make_keys(tmp_path, ("gateway", "campaigns"))
    with serving(keys, "campaigns", SERVICES, DOCUMENTS) as served:
        yield served


@pytest.fixture
def ask(served):
    def ask(token, caller=None, **more):
        stub = served.stub(deliveries_pb2_grpc.DeliveryServiceStub, caller)
        return stub.UnsubscribeDelivery(Request(token=token, **more))

    return ask


@pytest.fixture
def sent(sender, inbox):
    campaign = a_started_campaign([a_contact()])
    until_over(sender.carry_on, campaign)
    link = inbox.mails()[0]["List-Unsubscribe"].strip("<>")
    return campaign, link.rpartition("/")[2]


def test_who_follows_the_link_is_noted_once(sent, ask):
    campaign, token = sent

    first = ask(token, service_principal("gateway"))
    second = ask(token, service_principal("gateway"))

    assert first == second
    assert (first.contact, first.purpose) == (deliveries_of(campaign)[0]["contact"], "newsletter")
    assert first.HasField("unsubscribe_time")
    assert stored(campaign)["stats"]["unsubscribed"] == 1
    events = list(connected()["events"].find({"type": {"$regex": "unsubscribed"}}))
    assert [event["data"]["contact"] for event in events] == [first.contact]


def test_a_look_at_the_link_changes_nothing(sent, ask):
    campaign, token = sent

    looked = ask(token, validate_only=True)

    assert not looked.HasField("unsubscribe_time")
    assert stored(campaign)["stats"]["unsubscribed"] == 0


def test_an_altered_link_leads_nowhere(sent, ask):
    _, token = sent

    for altered in (token[:-1] + ("A" if token[-1] != "A" else "B"), "x", token[:-4]):
        with pytest.raises(NotFound):
            ask(altered)


def test_the_link_works_though_its_campaign_was_deleted(sent, ask):
    campaign, token = sent
    Campaign.rows().update_one({"_id": campaign.id}, {"$set": {"delete_time": now()}})

    assert ask(token).HasField("unsubscribe_time")


def test_nobody_follows_the_link_of_a_mail_that_they_may_not_see(sent, ask):
    _, token = sent

    with pytest.raises(NotFound):
        ask(token, a_principal("OWN"))
    with pytest.raises(Forbidden):
        ask(token, a_principal(READ="ALL"))
    assert "unsubscribe_time" not in Delivery.rows().find_one()


def test_the_next_campaign_leaves_out_who_wants_no_more(sent, ask, sender, inbox):
    campaign, token = sent
    contact = deliveries_of(campaign)[0]["contact"]

    ask(token)
    following = a_started_campaign([contact])
    until_over(sender.carry_on, following)

    assert states_of(following) == ["SUPPRESSED"]
    assert len(inbox.received) == 1
