"""Campaigns over gRPC."""

from crm.campaigns.v1 import campaigns_pb2, campaigns_pb2_grpc

from crm_campaigns.campaigns.commands import (
    cancel_campaign,
    create_campaign,
    delete_campaign,
    pause_campaign,
    schedule_campaign,
    send_campaign,
    undelete_campaign,
    update_campaign,
)
from crm_campaigns.campaigns.documents import Campaign
from crm_chassis.kernel.clock import now
from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page, moment_of


class CampaignServicer(campaigns_pb2_grpc.CampaignServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreateCampaign(self, request, context):
        campaign = from_message(request.campaign, Campaign)
        return to_message(in_transaction(create_campaign, campaign))

    def GetCampaign(self, request, context):
        return get(Campaign, request)

    def ListCampaigns(self, request, context):
        return list_page(Campaign, request, campaigns_pb2.ListCampaignsResponse)

    def UpdateCampaign(self, request, context):
        changes = from_message(request.campaign, Campaign)
        paths = mask_paths(request.campaign, request.update_mask.paths)
        return to_message(in_transaction(update_campaign, changes, paths, request.campaign.etag))

    def DeleteCampaign(self, request, context):
        return to_message(in_transaction(delete_campaign, request.name, request.etag))

    def UndeleteCampaign(self, request, context):
        return to_message(in_transaction(undelete_campaign, request.name, request.etag))

    def ScheduleCampaign(self, request, context):
        moment = moment_of(request, "schedule_time") or now()
        asked = request.name, moment, request.etag
        return to_message(in_transaction(schedule_campaign, *asked))

    def SendCampaign(self, request, context):
        return to_message(in_transaction(send_campaign, request.name, request.etag))

    def PauseCampaign(self, request, context):
        return to_message(in_transaction(pause_campaign, request.name, request.etag))

    def CancelCampaign(self, request, context):
        return to_message(in_transaction(cancel_campaign, request.name, request.etag))

    def ListCampaignHistory(self, request, context):
        return history(Campaign, request, campaigns_pb2.ListCampaignHistoryResponse)
