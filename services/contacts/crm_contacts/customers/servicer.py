"""What this service tells of customers, and finds by words, over gRPC."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from crm.api.v1 import customers_pb2, customers_pb2_grpc

from crm_chassis.kernel.clock import now
from crm_chassis.rpc.methods import moment_of
from crm_chassis.telemetry.context import current_call
from crm_contacts.customers import past, queries
from crm_contacts.customers.search import search_customers


class CustomerServicer(customers_pb2_grpc.CustomerServiceServicer):
    """Ask for each section, and put its JSON into the answer as it stands."""

    def GetCustomerSections(self, request, context):
        wanted = [name for name in request.sections or queries.SECTIONS if name in queries.SECTIONS]
        moment = moment_of(request, "read_time")
        as_of = moment or now()
        sections = {
            name: customers_pb2.Section(omitted="DENIED", as_of=as_of)
            if data is None
            else customers_pb2.Section(data=data, as_of=as_of)
            for name, data in _sections(request, wanted, moment)
        }
        return customers_pb2.GetCustomerSectionsResponse(sections=sections)

    def SearchService(self, request, context):
        return search_customers(request)


def _sections(
    request: customers_pb2.GetCustomerSectionsRequest,
    wanted: Sequence[str],
    moment: datetime | None,
) -> Iterator[tuple[str, bytes | None]]:
    """The JSON of each section; None where the caller may not see it."""
    readable = [name for name in wanted if _may_read(name)]
    customer, deleted = request.customer, request.show_deleted
    if moment is None:
        found = queries.sections_now(customer, readable, show_deleted=deleted)
    else:
        found = past.sections_then(customer, readable, moment, show_deleted=deleted)
    for name in wanted:
        yield name, found.get(name)


def _may_read(section: str) -> bool:
    collection = queries.COLLECTIONS.get(section)
    return collection is None or current_call().principal.level(collection, "READ") is not None
