"""Users over gRPC."""

from crm.gateway.v1 import users_pb2, users_pb2_grpc

from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page
from crm_gateway.users.commands import create_user, delete_user, undelete_user, update_user
from crm_gateway.users.documents import User


class UserServicer(users_pb2_grpc.UserServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def __init__(self, time_zone: str) -> None:
        self._time_zone = time_zone

    def CreateUser(self, request, context):
        user = from_message(request.user, User)
        return to_message(in_transaction(create_user, user, self._time_zone))

    def GetUser(self, request, context):
        return get(User, request)

    def ListUsers(self, request, context):
        return list_page(User, request, users_pb2.ListUsersResponse)

    def UpdateUser(self, request, context):
        changes = from_message(request.user, User)
        paths = mask_paths(request.user, request.update_mask.paths)
        etag = request.user.etag
        return to_message(in_transaction(update_user, changes, paths, etag, self._time_zone))

    def DeleteUser(self, request, context):
        return to_message(in_transaction(delete_user, request.name, request.etag))

    def UndeleteUser(self, request, context):
        return to_message(in_transaction(undelete_user, request.name, request.etag))

    def ListUserHistory(self, request, context):
        return history(User, request, users_pb2.ListUserHistoryResponse)
