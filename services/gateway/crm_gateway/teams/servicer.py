"""Teams over gRPC."""

from crm.gateway.v1 import teams_pb2, teams_pb2_grpc

from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page
from crm_gateway.teams.commands import create_team, delete_team, undelete_team, update_team
from crm_gateway.teams.documents import Team


class TeamServicer(teams_pb2_grpc.TeamServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreateTeam(self, request, context):
        return to_message(in_transaction(create_team, from_message(request.team, Team)))

    def GetTeam(self, request, context):
        return get(Team, request)

    def ListTeams(self, request, context):
        return list_page(Team, request, teams_pb2.ListTeamsResponse)

    def UpdateTeam(self, request, context):
        changes = from_message(request.team, Team)
        paths = mask_paths(request.team, request.update_mask.paths)
        return to_message(in_transaction(update_team, changes, paths, request.team.etag))

    def DeleteTeam(self, request, context):
        return to_message(in_transaction(delete_team, request.name, request.etag))

    def UndeleteTeam(self, request, context):
        return to_message(in_transaction(undelete_team, request.name, request.etag))

    def ListTeamHistory(self, request, context):
        return history(Team, request, teams_pb2.ListTeamHistoryResponse)
