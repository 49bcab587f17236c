"""Audiences over gRPC."""

from crm.campaigns.v1 import audiences_pb2, audiences_pb2_grpc

from crm_campaigns.audiences.commands import (
    add_contacts,
    create_audience,
    delete_audience,
    remove_contacts,
    undelete_audience,
    update_audience,
)
from crm_campaigns.audiences.documents import Audience
from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page


class AudienceServicer(audiences_pb2_grpc.AudienceServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreateAudience(self, request, context):
        audience = from_message(request.audience, Audience)
        return to_message(in_transaction(create_audience, audience))

    def GetAudience(self, request, context):
        return get(Audience, request)

    def ListAudiences(self, request, context):
        return list_page(Audience, request, audiences_pb2.ListAudiencesResponse)

    def UpdateAudience(self, request, context):
        changes = from_message(request.audience, Audience)
        paths = mask_paths(request.audience, request.update_mask.paths)
        return to_message(in_transaction(update_audience, changes, paths, request.audience.etag))

    def DeleteAudience(self, request, context):
        return to_message(in_transaction(delete_audience, request.name, request.etag))

    def UndeleteAudience(self, request, context):
        return to_message(in_transaction(undelete_audience, request.name, request.etag))

    def AddContacts(self, request, context):
        asked = request.name, list(request.contacts), request.etag
        return to_message(in_transaction(add_contacts, *asked))

    def RemoveContacts(self, request, context):
        asked = request.name, list(request.contacts), request.etag
        return to_message(in_transaction(remove_contacts, *asked))

    def ListAudienceHistory(self, request, context):
        return history(Audience, request, audiences_pb2.ListAudienceHistoryResponse)
