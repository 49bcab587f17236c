"""What becomes of contacts when other services tell what they did."""

from datetime import timedelta

import pytest

from crm_chassis.kernel.clock import rfc3339
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.testing.messages import an_event
from crm_contacts.consents.documents import Consent
from crm_contacts.consents.reactions import withdraw_unsubscribed
from crm_contacts.contacts.commands import delete_contact
from crm_contacts.contacts.documents import Contact
from crm_contacts.contacts.reactions import make_customers
from crm_contacts.testing import a_consent, a_contact


def a_won_deal(*contacts):
    data = {"name": "deals/1", "contacts": [{"contact": contact} for contact in contacts]}
    return an_event("deals/1", type="crm.sales.deal.won.v1", source="/crm/sales", data=data)


def an_unsubscribed_delivery(contact, moment, purpose="newsletter"):
    told = {"contact": contact, "purpose": purpose, "unsubscribeTime": rfc3339(moment)}
    return an_event("campaigns/1/deliveries/1", data={"name": "campaigns/1/deliveries/1", **told})


def stage_of(contact):
    return Contact.rows().find_one({"_id": contact.id}).get("lifecycle_stage")


@pytest.mark.parametrize(
    "stage", [None, "SUBSCRIBER", "LEAD", "QUALIFIED", "OPPORTUNITY", "FORMER"]
)
def test_who_has_a_say_in_a_won_deal_is_a_customer(stage):
    contact, other = a_contact(lifecycle_stage=stage), a_contact()

    in_transaction(make_customers, a_won_deal(contact.name, other.name))

    assert stage_of(contact) == stage_of(other) == "CUSTOMER"
    events = list(service_database()["events"].find({"subject": contact.name}).sort("sequence"))
    assert events[-1]["paths"] == ["lifecycleStage"]


@pytest.mark.parametrize("stage", ["CUSTOMER", "ADVOCATE"])
def test_who_is_a_customer_stays_what_they_are(stage):
    contact = a_contact(lifecycle_stage=stage)

    in_transaction(make_customers, a_won_deal(contact.name))

    assert stage_of(contact) == stage
    assert service_database()["events"].count_documents({"subject": contact.name}) == 1


def test_a_won_deal_of_somebody_deleted_or_of_nobody_changes_nothing():
    contact = a_contact()
    in_transaction(delete_contact, contact.name, "")

    in_transaction(make_customers, a_won_deal(contact.name))
    in_transaction(make_customers, a_won_deal())

    assert stage_of(contact) is None


def in_force(contact):
    rows = Consent.rows().find({"container": contact.name, "in_force": True})
    return {(row["purpose"], row["channel"]): row["state"] for row in rows}


def test_who_unsubscribes_withdraws_the_consent_for_that_purpose_only():
    contact = a_contact()
    given = a_consent(contact)
    a_consent(contact, channel="SMS")
    a_consent(contact, purpose="offers")

    later = given.capture_time + timedelta(seconds=1)
    in_transaction(withdraw_unsubscribed, an_unsubscribed_delivery(contact.name, later))

    assert in_force(contact) == {
        ("newsletter", "EMAIL"): "WITHDRAWN",
        ("newsletter", "SMS"): "GRANTED",
        ("offers", "EMAIL"): "GRANTED",
    }


def test_a_consent_given_after_that_stays_in_force():
    contact = a_contact()
    given = a_consent(contact)

    before = given.capture_time - timedelta(seconds=1)
    in_transaction(withdraw_unsubscribed, an_unsubscribed_delivery(contact.name, before))

    assert in_force(contact) == {("newsletter", "EMAIL"): "GRANTED"}
    assert Consent.rows().count_documents({"container": contact.name}) == 2


def test_of_a_deleted_contact_the_withdrawal_is_kept():
    contact = a_contact()
    given = a_consent(contact)
    in_transaction(delete_contact, contact.name, "")

    later = given.capture_time + timedelta(seconds=1)
    in_transaction(withdraw_unsubscribed, an_unsubscribed_delivery(contact.name, later))

    assert in_force(contact) == {("newsletter", "EMAIL"): "WITHDRAWN"}
