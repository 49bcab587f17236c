"""Roles over gRPC."""

from crm.gateway.v1 import roles_pb2, roles_pb2_grpc

from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page
from crm_gateway.roles.commands import create_role, delete_role, undelete_role, update_role
from crm_gateway.roles.documents import Role


class RoleServicer(roles_pb2_grpc.RoleServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreateRole(self, request, context):
        role = from_message(request.role, Role)
        return to_message(in_transaction(create_role, role, request.role_id))

    def GetRole(self, request, context):
        return get(Role, request)

    def ListRoles(self, request, context):
        return list_page(Role, request, roles_pb2.ListRolesResponse)

    def UpdateRole(self, request, context):
        changes = from_message(request.role, Role)
        paths = mask_paths(request.role, request.update_mask.paths)
        return to_message(in_transaction(update_role, changes, paths, request.role.etag))

    def DeleteRole(self, request, context):
        return to_message(in_transaction(delete_role, request.name, request.etag))

    def UndeleteRole(self, request, context):
        return to_message(in_transaction(undelete_role, request.name, request.etag))

    def ListRoleHistory(self, request, context):
        return history(Role, request, roles_pb2.ListRoleHistoryResponse)
