"""Changes to contacts, on a real database."""

import pytest

from crm_chassis.kernel.errors import Exists, Invalid, NotFound
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.resources.pages import Question
from crm_chassis.resources.reading import get_resource, list_resources, search_resources
from crm_chassis.resources.transaction import in_transaction
from crm_contacts.contact_points.documents import EmailAddress, PhoneNumber
from crm_contacts.contacts.commands import delete_contact, undelete_contact, update_contact
from crm_contacts.contacts.documents import Contact, Position
from crm_contacts.interactions.documents import Interaction
from crm_contacts.testing import a_contact, an_interaction, an_organization


def update(contact, etag=None, **fields):
    changes = Contact(id=contact.id, **fields)
    return in_transaction(update_contact, changes, list(fields), etag or contact.etag)


def test_a_contact_is_called_by_its_names_else_by_how_it_is_reached():
    named = a_contact()
    reached = a_contact(
        given_name=None, family_name=None, emails=[EmailAddress(address="ann@Example.COM")]
    )
    rung = a_contact(given_name=None, family_name=None, phones=[PhoneNumber(number="+41446681800")])

    assert named.display_name == "Ann Miller"
    assert reached.display_name == "ann@example.com"
    assert rung.display_name == "+41446681800"


def test_a_contact_without_name_address_or_number_is_refused_and_nothing_is_stored():
    with pytest.raises(Invalid) as refused:
        a_contact(given_name=" ", family_name=None)

    assert refused.value.flaws[0].reason == "NAMELESS"
    assert service_database()["events"].count_documents({}) == 0
    assert service_database()["receipts"].count_documents({}) == 0


def test_a_change_that_would_leave_a_contact_nameless_is_refused():
    contact = a_contact(family_name=None)

    with pytest.raises(Invalid):
        update(contact, given_name=None)

    assert get_resource(Contact, contact.name).given_name == "Ann"


def test_only_one_address_of_a_list_can_be_the_first():
    two = [EmailAddress(address=f"{name}@example.com", primary=True) for name in "ab"]

    with pytest.raises(Invalid) as refused:
        a_contact(emails=two)

    assert refused.value.flaws[0].field == "emails[1].primary"


def test_a_change_concerns_the_organization_that_was_left_as_well():
    left, joined = an_organization(), an_organization()
    contact = a_contact(positions=[Position(organization=left.name)])

    update(contact, positions=[Position(organization=joined.name)])

    event = service_database()["events"].find_one({"subject": contact.name, "sequence": 2})
    assert event["customers"] == sorted([contact.name, left.name, joined.name])
    assert event["paths"] == ["positions"]


def test_the_same_values_again_make_no_new_version():
    contact = a_contact()

    again = update(contact, given_name="Ann")

    assert again.version == 1
    assert service_database()["events"].count_documents({"subject": contact.name}) == 1


def test_an_external_id_is_free_once_its_contact_is_deleted():
    first = a_contact(external_ids={"erp": "1"})
    in_transaction(delete_contact, first.name, first.etag)

    second = a_contact(external_ids={"erp": "1"})

    with pytest.raises(Exists):
        in_transaction(undelete_contact, first.name, "")
    assert second.external_ids == {"erp": "1"}


def test_what_stands_below_a_deleted_contact_is_gone_with_it():
    contact = a_contact()
    interaction = an_interaction(contact)

    in_transaction(delete_contact, contact.name, contact.etag)

    with pytest.raises(NotFound):
        get_resource(Interaction, interaction.name)
    in_transaction(undelete_contact, contact.name, "")
    assert get_resource(Interaction, interaction.name).subject == "Hello"


@pytest.mark.parametrize("query", ["mill", "ANN mil", "ann@ex", "+4144", "rec-7", "muller"])
def test_a_contact_is_found_by_the_beginnings_of_its_words(query):
    contact = a_contact(
        emails=[EmailAddress(address="ann@example.com")],
        phones=[PhoneNumber(number="+41446681800")],
        external_ids={"febrl": "rec-7-org"},
        tags=["Müller"],
    )
    a_contact(given_name="Bob", family_name="Smith")

    found = search_resources(Contact, query, Question())

    assert [message.name for message in found.messages] == [contact.name]


def test_a_search_does_not_find_what_was_changed_or_deleted():
    contact = a_contact()

    update(contact, family_name="Baker")

    assert search_resources(Contact, "miller", Question()).messages == []
    assert len(search_resources(Contact, "baker", Question()).messages) == 1
    in_transaction(delete_contact, contact.name, "")
    assert search_resources(Contact, "baker", Question()).messages == []
    assert len(search_resources(Contact, "baker", Question(show_deleted=True)).messages) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("emails.kind:*", True),
        ("emails.kind = WORK", True),
        ("tags:*", True),
        ("externalIds.erp:*", True),
        ("lifecycleStage:*", False),
        ("source:*", False),
        ("phones.kind:*", False),
        ('source < "z"', False),
        ('source = "*"', False),
        ("source != web", True),
        ('familyName < "N"', True),
        ("deleteTime:*", False),
    ],
)
def test_a_list_knows_what_is_set_now_and_then(text, found):
    emails = [EmailAddress(address="a@example.com"), EmailAddress(address="b@e.com", kind="WORK")]
    contact = a_contact(emails=emails, external_ids={"erp": "1"}, tags=["x"])

    for moment in (None, contact.create_time):
        has = list_resources(Contact, Question(filter=text, read_time=moment)).messages
        lacks = list_resources(Contact, Question(filter=f"NOT {text}", read_time=moment)).messages

        assert (len(has), len(lacks)) == (int(found), int(not found))
