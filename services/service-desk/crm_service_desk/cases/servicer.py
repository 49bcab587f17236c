"""Cases over gRPC."""

from crm.service_desk.v1 import cases_pb2, cases_pb2_grpc

from crm_chassis.mongo.numbers import next_number
from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page
from crm_service_desk.cases.commands import (
    assign_case,
    close_case,
    create_case,
    delete_case,
    reopen_case,
    resolve_case,
    undelete_case,
    update_case,
)
from crm_service_desk.cases.documents import Case
from crm_service_desk.messages.commands import reply_to_case


class CaseServicer(cases_pb2_grpc.CaseServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreateCase(self, request, context):
        case = from_message(request.case, Case)
        number = next_number(Case.collection())
        return to_message(in_transaction(create_case, case, number))

    def GetCase(self, request, context):
        return get(Case, request)

    def ListCases(self, request, context):
        return list_page(Case, request, cases_pb2.ListCasesResponse)

    def UpdateCase(self, request, context):
        changes = from_message(request.case, Case)
        paths = mask_paths(request.case, request.update_mask.paths)
        return to_message(in_transaction(update_case, changes, paths, request.case.etag))

    def DeleteCase(self, request, context):
        return to_message(in_transaction(delete_case, request.name, request.etag))

    def UndeleteCase(self, request, context):
        return to_message(in_transaction(undelete_case, request.name, request.etag))

    def AssignCase(self, request, context):
        asked = request.name, request.assignee or None, request.etag
        return to_message(in_transaction(assign_case, *asked))

    def ReplyToCase(self, request, context):
        asked = request.name, request.body, request.etag
        return to_message(in_transaction(reply_to_case, *asked))

    def ResolveCase(self, request, context):
        return to_message(in_transaction(resolve_case, request.name, request.etag))

    def CloseCase(self, request, context):
        return to_message(in_transaction(close_case, request.name, request.etag))

    def ReopenCase(self, request, context):
        return to_message(in_transaction(reopen_case, request.name, request.etag))

    def ListCaseHistory(self, request, context):
        return history(Case, request, cases_pb2.ListCaseHistoryResponse)
