"""The gRPC server of the analytics service, put together from the features' servicers."""

from crm.analytics.v1 import (
    dead_letters_pb2_grpc,
    kpis_pb2_grpc,
    ledger_pb2_grpc,
    timeline_pb2_grpc,
)
from crm.api.v1 import customers_pb2_grpc

from crm_analytics.customers.servicer import CustomerServicer
from crm_analytics.dead_letters.servicer import AllDeadLettersServicer
from crm_analytics.kpis.servicer import KpiServicer
from crm_analytics.ledger.asking import Sources
from crm_analytics.ledger.servicer import LedgerServicer
from crm_analytics.metrics import watch_journal
from crm_analytics.parents.introduction import Introduction
from crm_analytics.settings import Settings
from crm_analytics.timeline.servicer import TimelineServicer
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.references import References
from crm_chassis.rpc.server import build_peers, serve
from crm_chassis.rpc.shared import DeadLetterServicer, shared_services
from crm_chassis.rpc.table import Service

SERVICE = Settings.service
MIGRATIONS = "crm_analytics.migrations"


def answer(settings: Settings) -> None:
    """Answer RPCs until SIGTERM or SIGINT.

    Raises:
        ValueError: a setting is missing.
    """
    peers = build_peers(settings.need("token_key_file"))
    watch_journal()
    serve(settings, services(peers, settings.time_zone), (), MIGRATIONS, peers)


def services(peers: Peers, time_zone: str = "UTC") -> list[Service]:
    """What the service answers; it asks `peers` for what it does not have itself."""
    return [*own_services(peers, time_zone), *shared_services(SERVICE)]


def own_services(peers: Peers, time_zone: str) -> list[Service]:
    """What only this service answers, and its part of the customer view."""
    introduction = Introduction(References((), peers))
    own_letters = DeadLetterServicer(SERVICE)
    all_letters = AllDeadLettersServicer(
        peers, SERVICE, lambda request: own_letters.ListServiceDeadLetters(request, None)
    )
    return [
        (timeline_pb2_grpc.add_TimelineServiceServicer_to_server, TimelineServicer(introduction)),
        (customers_pb2_grpc.add_CustomerServiceServicer_to_server, CustomerServicer(introduction)),
        (ledger_pb2_grpc.add_LedgerServiceServicer_to_server, LedgerServicer(Sources(peers))),
        (kpis_pb2_grpc.add_KpiServiceServicer_to_server, KpiServicer(time_zone)),
        (dead_letters_pb2_grpc.add_AllDeadLettersServiceServicer_to_server, all_letters),
    ]
