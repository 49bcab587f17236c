"""Organizations over gRPC."""

from crm.contacts.v1 import organizations_pb2, organizations_pb2_grpc

from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page
from crm_contacts.organizations.commands import (
    create_organization,
    delete_organization,
    move_organization,
    undelete_organization,
    update_organization,
)
from crm_contacts.organizations.documents import Organization


class OrganizationServicer(organizations_pb2_grpc.OrganizationServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreateOrganization(self, request, context):
        organization = from_message(request.organization, Organization)
        return to_message(in_transaction(create_organization, organization))

    def GetOrganization(self, request, context):
        return get(Organization, request)

    def ListOrganizations(self, request, context):
        return list_page(Organization, request, organizations_pb2.ListOrganizationsResponse)

    def UpdateOrganization(self, request, context):
        changes = from_message(request.organization, Organization)
        paths = mask_paths(request.organization, request.update_mask.paths)
        etag = request.organization.etag
        return to_message(in_transaction(update_organization, changes, paths, etag))

    def DeleteOrganization(self, request, context):
        return to_message(in_transaction(delete_organization, request.name, request.etag))

    def UndeleteOrganization(self, request, context):
        return to_message(in_transaction(undelete_organization, request.name, request.etag))

    def MoveOrganization(self, request, context):
        parent = request.parent or None
        return to_message(in_transaction(move_organization, request.name, parent, request.etag))

    def ListOrganizationHistory(self, request, context):
        response = organizations_pb2.ListOrganizationHistoryResponse
        return history(Organization, request, response)
