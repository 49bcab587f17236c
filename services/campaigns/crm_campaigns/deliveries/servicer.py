"""Deliveries over gRPC."""

from crm.campaigns.v1 import deliveries_pb2, deliveries_pb2_grpc

from crm_campaigns.deliveries.commands import unsubscribe
from crm_campaigns.deliveries.documents import Delivery
from crm_campaigns.deliveries.queries import as_message, delivery_of_link
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import to_message
from crm_chassis.rpc.methods import get, history, list_page


class DeliveryServicer(deliveries_pb2_grpc.DeliveryServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def GetDelivery(self, request, context):
        return get(Delivery, request)

    def ListDeliveries(self, request, context):
        return list_page(Delivery, request, deliveries_pb2.ListDeliveriesResponse)

    def ListDeliveryHistory(self, request, context):
        return history(Delivery, request, deliveries_pb2.ListDeliveryHistoryResponse)

    def UnsubscribeDelivery(self, request, context):
        if request.validate_only:
            return as_message(delivery_of_link(request.token))
        return to_message(in_transaction(unsubscribe, request.token))
