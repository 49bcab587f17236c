"""What this service tells of customers over gRPC."""

from crm.api.v1 import customers_pb2, customers_pb2_grpc

from crm_analytics.customers.queries import sections_of
from crm_analytics.parents.introduction import Introduction
from crm_chassis.rpc.methods import moment_of


class CustomerServicer(customers_pb2_grpc.CustomerServiceServicer):
    """Put the JSON of each section into the answer as it stands."""

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
        return customers_pb2.GetCustomerSectionsResponse(sections=sections)

    def SearchService(self, request, context):
        # What there is to find belongs to other services, and these find it.
        return customers_pb2.SearchServiceResponse()
