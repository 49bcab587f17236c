"""What this service tells of customers over gRPC."""

from collections.abc import Iterator
from datetime import datetime

from crm.api.v1 import customers_pb2, customers_pb2_grpc

from crm_analytics.customers.queries import sections_of
from crm_analytics.customers.rebuilding import REBUILT, may_see, rebuild
from crm_analytics.parents.introduction import Introduction
from crm_analytics.parents.queries import Sight
from crm_chassis.rpc.methods import moment_of
from crm_chassis.telemetry.context import current_call


class CustomerServicer(customers_pb2_grpc.CustomerServiceServicer):
    """Put the JSON of each section into the answer as it stands.

    Its own ones, and, when it is asked for them, those that it rebuilds in place of their owners.
    """

    def __init__(self, introduction: Introduction) -> None:
        self._introduction = introduction

    def GetCustomerSections(self, request, context):
        moment = moment_of(request, "read_time")
        found = self._introduction.reading(
            request.customer,
            lambda: sections_of(
                request.customer, request.sections, moment, show_deleted=request.show_deleted
            ),
        )
        sections = {
            name: customers_pb2.Section(data=data, as_of=found.as_of)
            for name, data in found.sections.items()
        }
        sections.update(_rebuilt(request, moment, found.as_of))
        return customers_pb2.GetCustomerSectionsResponse(sections=sections)

    def SearchService(self, request, context):
        # What there is to find belongs to other services, and these find it.
        return customers_pb2.SearchServiceResponse()


def _rebuilt(
    request: customers_pb2.GetCustomerSectionsRequest,
    moment: datetime | None,
    newest: datetime | None,
) -> Iterator[tuple[str, customers_pb2.Section]]:
    sight = Sight(current_call().principal)
    for name in request.sections:
        if name in REBUILT and not may_see(name, sight):
            yield name, customers_pb2.Section(omitted="DENIED")
        elif name in REBUILT:
            known = rebuild(name, request.customer, sight, moment)
            yield name, customers_pb2.Section(data=known.data, as_of=known.as_of or newest)
