"""Interactions over gRPC."""

from crm.contacts.v1 import interactions_pb2, interactions_pb2_grpc

from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page
from crm_contacts.interactions.commands import (
    create_interaction,
    delete_interaction,
    undelete_interaction,
    update_interaction,
)
from crm_contacts.interactions.documents import Interaction


class InteractionServicer(interactions_pb2_grpc.InteractionServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreateInteraction(self, request, context):
        interaction = from_message(request.interaction, Interaction)
        return to_message(in_transaction(create_interaction, request.parent, interaction))

    def GetInteraction(self, request, context):
        return get(Interaction, request)

    def ListInteractions(self, request, context):
        return list_page(Interaction, request, interactions_pb2.ListInteractionsResponse)

    def UpdateInteraction(self, request, context):
        changes = from_message(request.interaction, Interaction)
        paths = mask_paths(request.interaction, request.update_mask.paths)
        etag = request.interaction.etag
        return to_message(in_transaction(update_interaction, changes, paths, etag))

    def DeleteInteraction(self, request, context):
        return to_message(in_transaction(delete_interaction, request.name, request.etag))

    def UndeleteInteraction(self, request, context):
        return to_message(in_transaction(undelete_interaction, request.name, request.etag))

    def ListInteractionHistory(self, request, context):
        response = interactions_pb2.ListInteractionHistoryResponse
        return history(Interaction, request, response)
