"""The gRPC server of the service desk, put together from the features' servicers."""

from crm.api.v1 import customers_pb2_grpc
from crm.service_desk.v1 import cases_pb2_grpc, messages_pb2_grpc

from crm_chassis.resources.sections import Listings, Section
from crm_chassis.rpc.customers import CustomerServicer
from crm_chassis.rpc.shared import shared_services
from crm_service_desk.cases.documents import Case
from crm_service_desk.cases.servicer import CaseServicer
from crm_service_desk.messages.documents import Message
from crm_service_desk.messages.servicer import MessageServicer

NAME = "service-desk"
DOCUMENTS = (Case, Message)
SERVICES = (
    (cases_pb2_grpc.add_CaseServiceServicer_to_server, CaseServicer()),
    (messages_pb2_grpc.add_MessageServiceServicer_to_server, MessageServicer()),
    (
        customers_pb2_grpc.add_CustomerServiceServicer_to_server,
        CustomerServicer(Listings(Section("cases", {"cases": Case})), (Case,)),
    ),
    *shared_services(NAME, DOCUMENTS),
)
