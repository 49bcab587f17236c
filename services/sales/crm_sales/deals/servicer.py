"""Deals over gRPC."""

from datetime import datetime

from crm.sales.v1 import deals_pb2, deals_pb2_grpc

from crm_chassis.kernel.clock import now
from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.pages import Question
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page, page_size_of
from crm_sales.deals.commands import (
    advance_deal,
    create_deal,
    delete_deal,
    lose_deal,
    reopen_deal,
    undelete_deal,
    update_deal,
    win_deal,
)
from crm_sales.deals.documents import Deal
from crm_sales.deals.queries import stays_of
from crm_sales.deals.rules import Stay


class DealServicer(deals_pb2_grpc.DealServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreateDeal(self, request, context):
        deal = from_message(request.deal, Deal)
        return to_message(in_transaction(create_deal, deal))

    def GetDeal(self, request, context):
        return get(Deal, request)

    def ListDeals(self, request, context):
        return list_page(Deal, request, deals_pb2.ListDealsResponse)

    def UpdateDeal(self, request, context):
        changes = from_message(request.deal, Deal)
        paths = mask_paths(request.deal, request.update_mask.paths)
        return to_message(in_transaction(update_deal, changes, paths, request.deal.etag))

    def DeleteDeal(self, request, context):
        return to_message(in_transaction(delete_deal, request.name, request.etag))

    def UndeleteDeal(self, request, context):
        return to_message(in_transaction(undelete_deal, request.name, request.etag))

    def AdvanceDeal(self, request, context):
        asked = request.name, request.stage, request.etag
        return to_message(in_transaction(advance_deal, *asked))

    def WinDeal(self, request, context):
        return to_message(in_transaction(win_deal, request.name, request.etag))

    def LoseDeal(self, request, context):
        asked = request.name, request.lost_reason, request.etag
        return to_message(in_transaction(lose_deal, *asked))

    def ReopenDeal(self, request, context):
        asked = request.name, request.stage, request.etag
        return to_message(in_transaction(reopen_deal, *asked))

    def ListDealStages(self, request, context):
        question = Question(
            page_size=page_size_of(request),
            page_token=request.page_token,
            about=f"stages {request.name}",
        )
        stays, token = stays_of(request.name, question)
        moment = now()
        return deals_pb2.ListDealStagesResponse(
            stays=[_stay(stay, moment) for stay in stays], next_page_token=token
        )

    def ListDealHistory(self, request, context):
        return history(Deal, request, deals_pb2.ListDealHistoryResponse)


def _stay(stay: Stay, moment: datetime) -> deals_pb2.StageStay:
    found = deals_pb2.StageStay(stage=stay.stage, start_time=stay.start, actor=stay.actor)
    if stay.end is not None:
        found.end_time.FromDatetime(stay.end)
    found.duration.FromTimedelta((stay.end or moment) - stay.start)
    return found
