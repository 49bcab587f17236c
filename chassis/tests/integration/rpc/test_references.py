"""References: found in own rows, in what is known, or at the owner's; else refused by field."""

import pytest
from crm.contacts.v1 import (
    contacts_pb2,
    contacts_pb2_grpc,
    organizations_pb2,
    organizations_pb2_grpc,
)
from google.protobuf.field_mask_pb2 import FieldMask

from crm_chassis.kernel.errors import Invalid, NotFound, Unavailable
from crm_chassis.kernel.ids import new_id
from crm_chassis.resources.known import find_known
from crm_chassis.rpc.channels import Peers
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.grpc import serving


def an_organization(organizations, **fields):
    wanted = organizations_pb2.Organization(display_name="Acme", **fields)
    return organizations.CreateOrganization(
        organizations_pb2.CreateOrganizationRequest(organization=wanted)
    )


def create(contacts, *names):
    positions = [contacts_pb2.Contact.Position(organization=name) for name in names]
    person = contacts_pb2.Contact(given_name="Ann", positions=positions)
    return contacts.CreateContact(contacts_pb2.CreateContactRequest(contact=person))


def refused_fields(call):
    with pytest.raises(Invalid) as refusal:
        call()
    assert {flaw.reason for flaw in refusal.value.flaws} == {"REFERENCE_NOT_FOUND"}
    return [flaw.field for flaw in refusal.value.flaws]


def unknown():
    return f"organizations/{new_id()}"


def test_a_reference_to_own_rows_is_found(contacts, organizations):
    acme = an_organization(organizations)

    person = create(contacts, acme.name, acme.name)

    assert [position.organization for position in person.positions] == [acme.name, acme.name]


def test_each_reference_to_nothing_is_named(contacts, organizations, database):
    acme = an_organization(organizations)

    fields = refused_fields(lambda: create(contacts, unknown(), acme.name, unknown()))

    assert fields == ["contact.positions[0].organization", "contact.positions[2].organization"]
    assert database["contacts"].count_documents({}) == 0


def test_what_was_deleted_cannot_be_referred_to(contacts, organizations):
    acme = an_organization(organizations)
    organizations.DeleteOrganization(organizations_pb2.DeleteOrganizationRequest(name=acme.name))

    fields = refused_fields(lambda: create(contacts, acme.name))

    assert fields == ["contact.positions[0].organization"]


def test_what_the_caller_may_not_see_cannot_be_referred_to(served, organizations):
    acme = an_organization(organizations)
    stranger = a_principal(READ="OWN", CREATE="ALL")
    stub = served.stub(contacts_pb2_grpc.ContactServiceStub, stranger)

    fields = refused_fields(lambda: create(stub, acme.name))

    assert fields == ["contact.positions[0].organization"]


def test_a_change_is_checked_in_the_fields_that_it_names(contacts, organizations):
    acme = an_organization(organizations)
    change = organizations_pb2.Organization(name=acme.name, parent=unknown(), industry="bakery")

    def update(*paths):
        return organizations.UpdateOrganization(
            organizations_pb2.UpdateOrganizationRequest(
                organization=change, update_mask=FieldMask(paths=paths)
            )
        )

    assert update("industry").industry == "bakery"
    assert refused_fields(lambda: update("parent")) == ["organization.parent"]
    assert refused_fields(update) == ["organization.parent"]


def test_a_name_in_the_path_is_no_reference(contacts):
    missing = contacts_pb2.Contact(name=f"contacts/{new_id()}", given_name="Ann")

    with pytest.raises(NotFound):
        contacts.UpdateContact(contacts_pb2.UpdateContactRequest(contact=missing))


@pytest.fixture
def owner(keys, schema, kinds):
    """The service that owns organizations."""
    services = [(kinds.COMPANIES, kinds.Companies())]
    with serving(keys, "contacts", services, [kinds.Company]) as served:
        yield served


@pytest.fixture
def sales(keys, owner, kinds, people):
    """A service that owns no organizations and knows who does."""
    peers = Peers(keys.signer("sales"), {"contacts": owner.address})
    with serving(keys, "sales", [(kinds.PEOPLE, people)], [kinds.Person], peers) as served:
        yield served
    peers.close()


def test_the_owner_is_asked_for_what_is_not_known_yet(owner, sales):
    acme = an_organization(owner.stub(organizations_pb2_grpc.OrganizationServiceStub))
    caller = sales.stub(contacts_pb2_grpc.ContactServiceStub)

    create(caller, acme.name)

    known = find_known(acme.name)
    assert known is not None
    assert (known.display_name, known.deleted) == ("Acme", False)
    assert refused_fields(lambda: create(caller, unknown())) == [
        "contact.positions[0].organization"
    ]


def test_what_is_known_needs_no_owner(owner, sales):
    acme = an_organization(owner.stub(organizations_pb2_grpc.OrganizationServiceStub))
    caller = sales.stub(contacts_pb2_grpc.ContactServiceStub)
    create(caller, acme.name)

    owner.server.stop(0)

    create(caller, acme.name)


def test_the_owner_decides_with_the_caller_s_rights(owner, sales):
    acme = an_organization(owner.stub(organizations_pb2_grpc.OrganizationServiceStub))
    stranger = a_principal(READ="OWN", CREATE="ALL")
    caller = sales.stub(contacts_pb2_grpc.ContactServiceStub, stranger)

    fields = refused_fields(lambda: create(caller, acme.name))

    assert fields == ["contact.positions[0].organization"]


def test_an_owner_that_does_not_answer_makes_it_unavailable(owner, sales, database):
    caller = sales.stub(contacts_pb2_grpc.ContactServiceStub)
    owner.server.stop(0)

    with pytest.raises(Unavailable):
        create(caller, unknown())

    assert database["contacts"].count_documents({}) == 0
