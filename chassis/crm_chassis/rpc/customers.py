"""What a service tells of customers, and finds by words: its part of view and search."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.api.v1 import customers_pb2, customers_pb2_grpc

from crm_chassis.kernel.clock import now
from crm_chassis.resources.document import Resource
from crm_chassis.resources.finding import Found, find_page
from crm_chassis.resources.pages import Question
from crm_chassis.resources.sections import Sections
from crm_chassis.rpc.methods import moment_of, page_size_of
from crm_chassis.telemetry.context import current_call


@dataclass(frozen=True)
class CustomerServicer(customers_pb2_grpc.CustomerServiceServicer):
    """Ask for each section, and put its JSON into the answer as it stands.

    `found` are the kinds of resources that the search finds.
    """

    sections: Sections
    found: Sequence[type[Resource]]

    def GetCustomerSections(
        self, request: customers_pb2.GetCustomerSectionsRequest, _context: Any
    ) -> customers_pb2.GetCustomerSectionsResponse:
        own = self.sections.rights
        wanted = [name for name in request.sections or own if name in own]
        moment = moment_of(request, "read_time")
        as_of = moment or now()
        sections = {
            name: customers_pb2.Section(omitted="DENIED", as_of=as_of)
            if data is None
            else customers_pb2.Section(data=data, as_of=as_of)
            for name, data in self._told(request, wanted, moment)
        }
        return customers_pb2.GetCustomerSectionsResponse(sections=sections)

    def SearchService(
        self, request: customers_pb2.SearchServiceRequest, _context: Any
    ) -> customers_pb2.SearchServiceResponse:
        question = Question(
            page_size=page_size_of(request),
            page_token=request.page_token,
            about=request.query,
            show_deleted=request.show_deleted,
        )
        found, token = find_page(self.found, question)
        results = [_result(one) for one in found]
        return customers_pb2.SearchServiceResponse(results=results, next_page_token=token)

    def _told(
        self,
        request: customers_pb2.GetCustomerSectionsRequest,
        wanted: Sequence[str],
        moment: datetime | None,
    ) -> Iterator[tuple[str, bytes | None]]:
        """The JSON of each section; None where the caller may not see it."""
        readable = [name for name in wanted if self._may_read(name)]
        customer, deleted = request.customer, request.show_deleted
        if moment is None:
            told = self.sections.now(customer, readable, show_deleted=deleted)
        else:
            told = self.sections.then(customer, readable, moment, show_deleted=deleted)
        for name in wanted:
            yield name, told.get(name)

    def _may_read(self, section: str) -> bool:
        principal = current_call().principal
        needed = self.sections.rights[section]
        return all(principal.level(name, "READ") is not None for name in needed)


def _result(found: Found) -> customers_pb2.SearchResult:
    return customers_pb2.SearchResult(
        name=found.name,
        type=f"crm/{found.document.__name__}",
        display_name=found.title,
        snippet=found.snippet,
    )
