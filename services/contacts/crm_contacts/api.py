"""The gRPC server of the contacts service, put together from the features' servicers."""

from crm.api.v1 import (
    customers_pb2_grpc,
    dead_letters_pb2_grpc,
    ledger_pb2_grpc,
    operations_pb2_grpc,
)
from crm.contacts.v1 import (
    consents_pb2_grpc,
    contacts_pb2_grpc,
    interactions_pb2_grpc,
    organizations_pb2_grpc,
)

from crm_chassis.rpc.shared import DeadLetterServicer, LedgerCountServicer, OperationServicer
from crm_contacts.consents.documents import Consent
from crm_contacts.consents.servicer import ConsentServicer
from crm_contacts.contacts.documents import Contact
from crm_contacts.contacts.servicer import ContactServicer
from crm_contacts.customers.servicer import CustomerServicer
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
    (customers_pb2_grpc.add_CustomerServiceServicer_to_server, CustomerServicer()),
    (operations_pb2_grpc.add_OperationServiceServicer_to_server, OperationServicer(bad_rows_of)),
    (dead_letters_pb2_grpc.add_DeadLetterServiceServicer_to_server, DeadLetterServicer("contacts")),
    (
        ledger_pb2_grpc.add_LedgerCountServiceServicer_to_server,
        LedgerCountServicer("contacts", DOCUMENTS),
    ),
)
