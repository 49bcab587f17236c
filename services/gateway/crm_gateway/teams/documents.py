"""What is stored of a team."""

from crm.gateway.v1 import teams_pb2
from mongoengine import StringField

from crm_chassis.resources.document import Resource


class Team(Resource):
    message = teams_pb2.Team
    meta = {"collection": "teams", "indexes": ["parent", "display_name", "update_time"]}

    display_name: str = StringField(required=True)
    parent: str | None = StringField()
