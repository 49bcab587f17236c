"""The gRPC server of the campaigns service, put together from the features' servicers."""

from crm.api.v1 import customers_pb2_grpc
from crm.campaigns.v1 import (
    audiences_pb2_grpc,
    campaigns_pb2_grpc,
    deliveries_pb2_grpc,
    members_pb2_grpc,
)

from crm_campaigns.audiences.documents import Audience
from crm_campaigns.audiences.servicer import AudienceServicer
from crm_campaigns.campaigns.documents import Campaign
from crm_campaigns.campaigns.servicer import CampaignServicer
from crm_campaigns.deliveries.documents import Delivery
from crm_campaigns.deliveries.servicer import DeliveryServicer
from crm_campaigns.members.documents import Member
from crm_campaigns.members.servicer import MemberServicer
from crm_chassis.resources.sections import Listings, Section
from crm_chassis.rpc.customers import CustomerServicer
from crm_chassis.rpc.shared import shared_services

SERVICE = "campaigns"
DOCUMENTS = (Audience, Member, Campaign, Delivery)
SECTION = Section("campaigns", {"members": Member, "deliveries": Delivery})
SERVICES = (
    (audiences_pb2_grpc.add_AudienceServiceServicer_to_server, AudienceServicer()),
    (members_pb2_grpc.add_MemberServiceServicer_to_server, MemberServicer()),
    (campaigns_pb2_grpc.add_CampaignServiceServicer_to_server, CampaignServicer()),
    (deliveries_pb2_grpc.add_DeliveryServiceServicer_to_server, DeliveryServicer()),
    (
        customers_pb2_grpc.add_CustomerServiceServicer_to_server,
        CustomerServicer(Listings(SECTION), (Audience, Campaign)),
    ),
    *shared_services(SERVICE, DOCUMENTS),
)
