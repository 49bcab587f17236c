"""The gRPC server of the contacts service, put together from the features' servicers."""

from crm.api.v1 import customers_pb2_grpc
from crm.contacts.v1 import (
    consents_pb2_grpc,
    contacts_pb2_grpc,
    interactions_pb2_grpc,
    organizations_pb2_grpc,
)

from crm_chassis.rpc.customers import CustomerServicer
from crm_chassis.rpc.shared import shared_services
from crm_contacts.consents.documents import Consent
from crm_contacts.consents.servicer import ConsentServicer
from crm_contacts.contacts.documents import Contact
from crm_contacts.contacts.servicer import ContactServicer
from crm_contacts.customers.sections import CustomerSections
from crm_contacts.imports.queries import bad_rows_of
from crm_contacts.interactions.documents import Interaction
from crm_contacts.interactions.servicer import InteractionServicer
from crm_contacts.organizations.documents import Organization
from crm_contacts.organizations.servicer import OrganizationServicer

DOCUMENTS = (Contact, Organization, Interaction, Consent)
SERVICES = (
    (contacts_pb2_grpc.add_ContactServiceServicer_to_server, ContactServicer()),
    (organizations_pb2_grpc.add_OrganizationServiceServicer_to_server, OrganizationServicer()),
    (interactions_pb2_grpc.add_InteractionServiceServicer_to_server, InteractionServicer()),
    (consents_pb2_grpc.add_ConsentServiceServicer_to_server, ConsentServicer()),
    (
        customers_pb2_grpc.add_CustomerServiceServicer_to_server,
        CustomerServicer(CustomerSections(), (Contact, Organization)),
    ),
    *shared_services("contacts", DOCUMENTS, bad_rows_of),
)
