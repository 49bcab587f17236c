"""What contacts tells of a customer: the same as its resources tell, now and then."""

from typing import Any

import orjson
import pytest
from crm.api.v1 import customers_pb2
from google.protobuf import json_format

from crm_chassis.kernel.errors import NotFound
from crm_chassis.resources.reading import get_resource
from crm_chassis.resources.transaction import as_call, in_transaction
from crm_chassis.rpc.customers import CustomerServicer
from crm_chassis.telemetry.context import Principal, call_scope
from crm_chassis.testing.calls import a_call, a_principal
from crm_contacts.contacts.commands import delete_contact, update_contact
from crm_contacts.contacts.documents import Contact, Position
from crm_contacts.customers.sections import CustomerSections
from crm_contacts.organizations.commands import delete_organization, update_organization
from crm_contacts.organizations.documents import Organization
from crm_contacts.testing import a_consent, a_contact, an_interaction, an_organization

SERVICER = CustomerServicer(CustomerSections(), (Contact, Organization))


def sections(customer, *names, read_time=None, caller=None) -> dict[str, Any]:
    request = customers_pb2.GetCustomerSectionsRequest(
        service="contacts", customer=customer.name, sections=names
    )
    if read_time is not None:
        request.read_time = read_time
    with call_scope(a_call(caller)):
        answer = SERVICER.GetCustomerSections(request, None)
    return {
        name: orjson.loads(section.data) if section.data else section.omitted
        for name, section in answer.sections.items()
    }


def found(query, caller=None):
    request = customers_pb2.SearchServiceRequest(service="contacts", query=query)
    with call_scope(a_call(caller)):
        return SERVICER.SearchService(request, None).results


def test_the_profile_is_the_resource_as_rest_answers_it():
    contact = a_contact(tags=["a"])

    profile = sections(contact, "profile")["profile"]

    message = json_format.ParseDict(profile, Contact.message())
    assert message == get_resource(Contact, contact.name)


def test_a_contact_shows_its_organizations_and_an_organization_its_people():
    acme = an_organization(display_name="Acme")
    branch = an_organization(display_name="Branch", parent=acme.name)
    contact = a_contact(positions=[Position(organization=acme.name, title="CTO")])

    of_contact = sections(contact, "relationships")["relationships"]
    of_acme = sections(acme, "relationships")["relationships"]
    of_branch = sections(branch, "relationships")["relationships"]

    entry = {"name": acme.name, "displayName": "Acme"}
    assert of_contact == {"organizations": [{**entry, "title": "CTO"}], "contacts": []}
    assert of_acme["contacts"] == [
        {"name": contact.name, "displayName": "Ann Miller", "title": "CTO"}
    ]
    assert of_acme["organizations"] == [{"name": branch.name, "displayName": "Branch"}]
    assert of_branch["organizations"] == [entry]


def test_the_newest_interactions_come_first_and_all_are_counted():
    contact = a_contact()
    for number in range(52):
        an_interaction(contact, subject=str(number))

    section = sections(contact, "interactions")["interactions"]

    assert section["totalSize"] == 52
    assert [each["subject"] for each in section["interactions"][:2]] == ["51", "50"]
    assert len(section["interactions"]) == 50


def test_sections_without_anything_are_empty_and_there():
    contact = a_contact()

    told = sections(contact)

    assert told["consents"] == {"consents": []}
    assert told["interactions"] == {"interactions": [], "totalSize": 0}
    assert told["relationships"] == {"organizations": [], "contacts": []}


def test_sections_of_the_past_show_what_was_known_then():
    acme = an_organization(display_name="Acme")
    contact = a_contact(positions=[Position(organization=acme.name, title="CTO")])
    a_consent(contact)
    an_interaction(contact)
    before = sections(contact)
    then = max(row["time"] for row in contact.rows().database["events"].find())

    changes = Contact(id=contact.id, given_name="Bea", positions=[])
    in_transaction(update_contact, changes, ["given_name", "positions"], contact.etag)
    a_consent(contact, state="WITHDRAWN")
    an_interaction(contact)
    in_transaction(delete_organization, acme.name, acme.etag)

    assert sections(contact, read_time=then) == before
    assert sections(contact)["profile"]["givenName"] == "Bea"
    assert sections(acme, "interactions", read_time=then)["interactions"]["totalSize"] == 1


def test_a_customer_that_one_may_not_see_is_not_there():
    contact = a_contact()
    stranger = a_principal("OWN")

    with pytest.raises(NotFound):
        sections(contact, caller=stranger)

    assert found("miller", stranger) == []


def test_a_section_that_one_may_not_read_is_denied_and_the_others_are_told():
    contact = a_contact()
    reader = a_principal(READ="ALL")
    limited = type(reader)(reader.name, reader.user, rights={"contacts": {"READ": "ALL"}})

    told = sections(contact, "profile", "interactions", caller=limited)

    assert told["interactions"] == "DENIED"
    assert told["profile"]["name"] == contact.name


def test_whoever_may_read_contacts_only_sees_a_contact_without_its_organizations():
    acme = an_organization()
    contact = a_contact(positions=[Position(organization=acme.name)])
    caller = Principal("users/1", "users/1", rights={"contacts": {"READ": "ALL"}})

    section = sections(contact, "relationships", caller=caller)["relationships"]

    assert section == {"organizations": [], "contacts": []}


def test_an_organization_shows_its_parent_and_those_below_it_in_this_order():
    top = an_organization(display_name="Zenith")
    middle = an_organization(display_name="Middle", parent=top.name)
    an_organization(display_name="Below", parent=middle.name)

    section = sections(middle, "relationships")["relationships"]

    assert [each["displayName"] for each in section["organizations"]] == ["Zenith", "Below"]


def test_contacts_and_organizations_are_found_together_by_display_name():
    contact = a_contact(family_name="Zeta")
    organization = an_organization(display_name="Zeta Ltd")

    results = found("zeta")

    assert [result.name for result in results] == [contact.name, organization.name]
    assert results[0].type == "crm/Contact"


def test_what_is_changed_by_another_call_is_seen_by_the_next():
    contact = a_contact()

    as_call(a_call(), update_contact, Contact(id=contact.id, tags=["x"]), ["tags"], contact.etag)

    assert sections(contact, "profile")["profile"]["tags"] == ["x"]


def test_a_change_is_seen_at_once_by_whoever_looked_before():
    acme = an_organization(display_name="Acme")
    contact = a_contact(positions=[Position(organization=acme.name)])
    sections(contact)
    sections(acme)

    an_interaction(contact, subject="Call")
    a_consent(contact)
    renamed = Organization(id=acme.id, display_name="Apex")
    in_transaction(update_organization, renamed, ["display_name"], acme.etag)

    told = sections(contact)
    assert told["interactions"]["totalSize"] == 1
    assert len(told["consents"]["consents"]) == 1
    assert told["relationships"]["organizations"][0]["displayName"] == "Apex"
    assert sections(acme)["profile"]["displayName"] == "Apex"
    assert sections(acme)["interactions"]["totalSize"] == 1


def test_whoever_joins_or_leaves_an_organization_is_seen_at_once():
    acme = an_organization()
    contact = a_contact(positions=[Position(organization=acme.name)])
    sections(acme)

    a_contact(positions=[Position(organization=acme.name)])
    assert len(sections(acme)["relationships"]["contacts"]) == 2

    in_transaction(delete_contact, contact.name, contact.etag)
    assert len(sections(acme)["relationships"]["contacts"]) == 1


def test_what_was_told_to_one_caller_is_not_told_to_another():
    contact = a_contact()
    sections(contact)

    with pytest.raises(NotFound):
        sections(contact, caller=a_principal("OWN"))


def test_a_customer_that_was_deleted_is_gone_at_once():
    contact = a_contact()
    sections(contact)

    in_transaction(delete_contact, contact.name, contact.etag)

    with pytest.raises(NotFound):
        sections(contact)
