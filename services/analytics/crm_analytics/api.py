"""The gRPC server of the analytics service, put together from the features' servicers."""

from crm.analytics.v1 import ledger_pb2_grpc, timeline_pb2_grpc
from crm.api.v1 import customers_pb2_grpc

from crm_analytics.customers.servicer import CustomerServicer
from crm_analytics.ledger.servicer import LedgerServicer
from crm_analytics.parents.introduction import Introduction
from crm_analytics.timeline.servicer import TimelineServicer
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.references import References
from crm_chassis.rpc.table import Service


def services(peers: Peers) -> list[Service]:
    """What the service answers; it asks `peers` for what it does not have itself."""
    introduction = Introduction(References((), peers))
    return [
        (
            timeline_pb2_grpc.add_TimelineServiceServicer_to_server,
            TimelineServicer(introduction),
        ),
        (
            customers_pb2_grpc.add_CustomerServiceServicer_to_server,
            CustomerServicer(introduction),
        ),
        (ledger_pb2_grpc.add_LedgerServiceServicer_to_server, LedgerServicer(peers)),
    ]
