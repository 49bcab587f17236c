"""The gRPC server of the sales service, put together from the features' servicers."""

from crm.api.v1 import customers_pb2_grpc
from crm.sales.v1 import deals_pb2_grpc, pipelines_pb2_grpc

from crm_chassis.resources.sections import Listings, Section
from crm_chassis.rpc.customers import CustomerServicer
from crm_chassis.rpc.shared import shared_services
from crm_sales.deals.documents import Deal
from crm_sales.deals.servicer import DealServicer
from crm_sales.pipelines.documents import Pipeline
from crm_sales.pipelines.servicer import PipelineServicer

CUSTOMERS = CustomerServicer(Listings(Section("deals", {"deals": Deal})), (Deal,))
DOCUMENTS = (Pipeline, Deal)
SERVICES = (
    (pipelines_pb2_grpc.add_PipelineServiceServicer_to_server, PipelineServicer()),
    (deals_pb2_grpc.add_DealServiceServicer_to_server, DealServicer()),
    (customers_pb2_grpc.add_CustomerServiceServicer_to_server, CUSTOMERS),
    *shared_services("sales", DOCUMENTS),
)
