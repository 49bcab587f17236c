"""The gRPC server of the analytics service, put together from the features' servicers."""

from crm.analytics.v1 import dead_letters_pb2_grpc, ledger_pb2_grpc, timeline_pb2_grpc
from crm.api.v1 import (
    customers_pb2_grpc,
    operations_pb2_grpc,
)
from crm.api.v1 import dead_letters_pb2_grpc as own_dead_letters_pb2_grpc
from crm.api.v1 import ledger_pb2_grpc as own_ledger_pb2_grpc

from crm_analytics.customers.servicer import CustomerServicer
from crm_analytics.dead_letters.servicer import AllDeadLettersServicer
from crm_analytics.ledger.servicer import LedgerServicer
from crm_analytics.metrics import watch_journal
from crm_analytics.parents.introduction import Introduction
from crm_analytics.settings import AnalyticsSettings
from crm_analytics.timeline.servicer import TimelineServicer
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.references import References
from crm_chassis.rpc.server import build_peers, serve
from crm_chassis.rpc.shared import DeadLetterServicer, LedgerCountServicer, OperationServicer
from crm_chassis.rpc.table import Service

SERVICE = AnalyticsSettings.service
MIGRATIONS = "crm_analytics.migrations"


def answer(settings: AnalyticsSettings) -> None:
    """Answer RPCs until SIGTERM or SIGINT.

    Raises:
        ValueError: a setting is missing.
    """
    peers = build_peers(settings.need("token_key_file"))
    watch_journal()
    serve(settings, services(peers), (), MIGRATIONS, peers)


def services(peers: Peers) -> list[Service]:
    """What the service answers; it asks `peers` for what it does not have itself."""
    return [*own_services(peers), *shared_services()]


def own_services(peers: Peers) -> list[Service]:
    """What only this service answers, and its part of the customer view."""
    introduction = Introduction(References((), peers))
    own_letters = DeadLetterServicer(SERVICE)
    all_letters = AllDeadLettersServicer(
        peers, SERVICE, lambda request: own_letters.ListServiceDeadLetters(request, None)
    )
    return [
        (timeline_pb2_grpc.add_TimelineServiceServicer_to_server, TimelineServicer(introduction)),
        (customers_pb2_grpc.add_CustomerServiceServicer_to_server, CustomerServicer(introduction)),
        (ledger_pb2_grpc.add_LedgerServiceServicer_to_server, LedgerServicer(peers)),
        (dead_letters_pb2_grpc.add_AllDeadLettersServiceServicer_to_server, all_letters),
    ]


def shared_services() -> list[Service]:
    """What every service answers of its own."""
    letters, ledger = DeadLetterServicer(SERVICE), LedgerCountServicer(SERVICE)
    return [
        (operations_pb2_grpc.add_OperationServiceServicer_to_server, OperationServicer()),
        (own_dead_letters_pb2_grpc.add_DeadLetterServiceServicer_to_server, letters),
        (own_ledger_pb2_grpc.add_LedgerCountServiceServicer_to_server, ledger),
    ]
