"""Members over gRPC."""

from crm.campaigns.v1 import members_pb2, members_pb2_grpc

from crm_campaigns.members.documents import Member
from crm_chassis.rpc.methods import get, history, list_page


class MemberServicer(members_pb2_grpc.MemberServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def GetMember(self, request, context):
        return get(Member, request)

    def ListMembers(self, request, context):
        return list_page(Member, request, members_pb2.ListMembersResponse)

    def ListMemberHistory(self, request, context):
        return history(Member, request, members_pb2.ListMemberHistoryResponse)
