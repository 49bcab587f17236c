"""A small service behind a real server: organizations and contacts, each as short as can be."""

# ruff: noqa: N802 - gRPC names its methods in CamelCase

import threading
from types import SimpleNamespace

import pytest
from crm.contacts.v1 import (
    contacts_pb2,
    contacts_pb2_grpc,
    organizations_pb2,
    organizations_pb2_grpc,
)
from mongoengine import (
    EmbeddedDocument,
    EmbeddedDocumentListField,
    StringField,
)

from crm_chassis.mongo import indexes
from crm_chassis.resources.document import Resource, take_over
from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page
from crm_chassis.telemetry.context import current_call
from crm_chassis.testing.grpc import make_keys, serving


class Company(Resource):
    message = organizations_pb2.Organization
    meta = {"collection": "organizations"}

    display_name: str = StringField()
    industry: str | None = StringField()
    parent: str | None = StringField()


class Post(EmbeddedDocument):
    organization: str = StringField()
    title: str | None = StringField()


class Person(Resource):
    message = contacts_pb2.Contact
    meta = {"collection": "contacts"}

    given_name: str | None = StringField()
    positions: list[Post] = EmbeddedDocumentListField(Post)


def store(tx, document):
    return tx.insert(document)


def change(tx, document, changes, paths):
    stored = tx.load(document, changes.name)
    take_over(changes, stored, paths)
    return tx.update(stored)


def remove(tx, document, name):
    return tx.delete(tx.load(document, name))


class Companies(organizations_pb2_grpc.OrganizationServiceServicer):
    def CreateOrganization(self, request, context):
        company = from_message(request.organization, Company)
        return to_message(in_transaction(store, company))

    def GetOrganization(self, request, context):
        return get(Company, request)

    def ListOrganizations(self, request, context):
        return list_page(Company, request, organizations_pb2.ListOrganizationsResponse)

    def UpdateOrganization(self, request, context):
        changes = from_message(request.organization, Company)
        paths = mask_paths(request.organization, request.update_mask.paths)
        return to_message(in_transaction(change, Company, changes, paths))

    def DeleteOrganization(self, request, context):
        return to_message(in_transaction(remove, Company, request.name))

    def ListOrganizationHistory(self, request, context):
        return history(Company, request, organizations_pb2.ListOrganizationHistoryResponse)


class People(contacts_pb2_grpc.ContactServiceServicer):
    """Contacts, and a few ways to be slow, wrong or curious about the call."""

    def __init__(self):
        self.calls = []
        self.go_on = threading.Event()
        self.behaviors = {}

    def CreateContact(self, request, context):
        return to_message(in_transaction(store, from_message(request.contact, Person)))

    def GetContact(self, request, context):
        self.calls.append(current_call())
        if "GetContact" in self.behaviors:
            return self.behaviors["GetContact"](request)
        return get(Person, request)

    def UpdateContact(self, request, context):
        changes = from_message(request.contact, Person)
        paths = mask_paths(request.contact, request.update_mask.paths)
        return to_message(in_transaction(change, Person, changes, paths))

    def ImportContacts(self, request_iterator, context):
        return self.behaviors["ImportContacts"](request_iterator)


COMPANIES = organizations_pb2_grpc.add_OrganizationServiceServicer_to_server
PEOPLE = contacts_pb2_grpc.add_ContactServiceServicer_to_server


@pytest.fixture
def keys(tmp_path):
    return make_keys(tmp_path)


@pytest.fixture
def schema(database):
    indexes.create(database)
    for name in ("contacts", "organizations"):
        database.create_collection(name)


@pytest.fixture
def people():
    return People()


@pytest.fixture
def served(keys, schema, people):
    """The contacts service, with organizations of its own."""
    services = [(PEOPLE, people), (COMPANIES, Companies())]
    with serving(keys, "contacts", services, [Person, Company]) as served:
        yield served


@pytest.fixture
def kinds():
    """The servicers and documents, for servers that a test puts together itself."""
    return SimpleNamespace(
        Person=Person, Company=Company, Companies=Companies, COMPANIES=COMPANIES, PEOPLE=PEOPLE
    )


@pytest.fixture
def contacts(served):
    return served.stub(contacts_pb2_grpc.ContactServiceStub)


@pytest.fixture
def organizations(served):
    return served.stub(organizations_pb2_grpc.OrganizationServiceStub)
