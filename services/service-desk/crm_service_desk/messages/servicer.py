"""Messages over gRPC."""

from crm.service_desk.v1 import messages_pb2, messages_pb2_grpc

from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page
from crm_service_desk.messages.commands import create_message
from crm_service_desk.messages.documents import Message


class MessageServicer(messages_pb2_grpc.MessageServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreateMessage(self, request, context):
        message = from_message(request.message, Message)
        return to_message(in_transaction(create_message, request.parent, message))

    def GetMessage(self, request, context):
        return get(Message, request)

    def ListMessages(self, request, context):
        return list_page(Message, request, messages_pb2.ListMessagesResponse)

    def ListMessageHistory(self, request, context):
        return history(Message, request, messages_pb2.ListMessageHistoryResponse)
