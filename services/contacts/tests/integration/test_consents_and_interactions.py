"""Consents and interactions, on a real database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Invalid, NotFound
from crm_chassis.kernel.ids import new_id
from crm_chassis.resources.pages import Question
from crm_chassis.resources.reading import get_resource, list_resources
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.testing.waiting import wait_until
from crm_contacts.consents.documents import Consent
from crm_contacts.contacts.commands import delete_contact
from crm_contacts.contacts.documents import Contact
from crm_contacts.interactions.commands import create_interaction
from crm_contacts.interactions.documents import Interaction
from crm_contacts.testing import a_consent, a_contact, an_interaction

IN_FORCE = "inForce = true"


def states(contact, text="", read_time=None):
    question = Question(container=contact.name, filter=text, read_time=read_time)
    return [
        (consent.channel, consent.state) for consent in list_resources(Consent, question).messages
    ]


def test_the_newest_consent_of_a_purpose_and_channel_is_in_force():
    contact = a_contact()
    a_consent(contact)

    withdrawn = a_consent(contact, state="WITHDRAWN")
    a_consent(contact, purpose="survey")

    listed = list_resources(Consent, Question(container=contact.name, filter=IN_FORCE)).messages
    assert {(consent.purpose, consent.state) for consent in listed} == {
        ("newsletter", Consent.message.WITHDRAWN),
        ("survey", Consent.message.GRANTED),
    }
    assert withdrawn.in_force


def test_a_consent_captured_earlier_than_the_one_in_force_changes_nothing():
    contact = a_contact()
    a_consent(contact, state="DENIED")

    late = a_consent(contact, capture_time=now() - timedelta(days=3))

    assert not late.in_force
    assert len(states(contact, IN_FORCE)) == 1
    assert len(states(contact)) == 2


def test_what_was_in_force_at_a_moment_is_read_from_the_log():
    contact = a_contact()
    granted = a_consent(contact)
    a_consent(contact, state="WITHDRAWN", capture_time=granted.create_time + timedelta(seconds=1))

    then = states(contact, IN_FORCE, granted.create_time)

    assert then == [(1, Consent.message.GRANTED)]
    assert states(contact, IN_FORCE) == [(1, Consent.message.WITHDRAWN)]


def test_a_consent_that_was_replaced_was_not_in_force_afterwards():
    contact = a_contact()
    granted = a_consent(contact)
    a_moment_after(granted.create_time)
    withdrawn = a_consent(contact, state="WITHDRAWN")

    then = get_resource(Consent, granted.name, granted.create_time)
    afterwards = get_resource(Consent, granted.name, a_moment_after(withdrawn.create_time))

    assert (then.in_force, afterwards.in_force) == (True, False)


def test_nobody_consents_in_the_future():
    contact = a_contact()

    with pytest.raises(Invalid) as refused:
        a_consent(contact, capture_time=now() + timedelta(days=1))

    assert refused.value.flaws[0].field == "capture_time"


def test_an_interaction_needs_its_contact():
    with pytest.raises(NotFound):
        in_transaction(
            create_interaction,
            f"contacts/{new_id()}",
            Interaction(channel="PHONE", direction="INBOUND"),
        )


def test_an_interaction_happened_now_when_no_time_is_told():
    contact = a_contact()

    interaction = an_interaction(contact)

    assert interaction.occur_time == interaction.create_time
    assert Contact.rows().count_documents({}) == 1


def test_what_stood_below_a_contact_can_be_read_as_it_was_before_the_contact_was_deleted():
    contact = a_contact()
    interaction, consent = an_interaction(contact), a_consent(contact)
    before = consent.create_time
    a_moment_after(before)
    deleted = in_transaction(delete_contact, contact.name, "")
    after = a_moment_after(deleted.delete_time)

    for kind, name in ((Interaction, interaction.name), (Consent, consent.name)):
        below = Question(container=contact.name, read_time=before)
        gone = replace(below, read_time=after)

        assert [one.name for one in list_resources(kind, below).messages] == [name]
        assert get_resource(kind, name, before).name == name
        with pytest.raises(NotFound):
            list_resources(kind, gone)
        with pytest.raises(NotFound):
            get_resource(kind, name, after)
        shown = list_resources(kind, replace(gone, show_deleted=True)).messages
        assert [one.name for one in shown] == [name]
        assert get_resource(kind, name, after, show_deleted=True).name == name


def a_moment_after(moment):
    return wait_until(lambda: now() if now() > moment else None)
