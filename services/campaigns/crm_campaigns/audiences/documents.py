"""What is stored of an audience."""

from crm.campaigns.v1 import audiences_pb2
from mongoengine import IntField, StringField

from crm_chassis.resources.document import Resource, sparse


class Audience(Resource):
    message = audiences_pb2.Audience
    meta = {
        "collection": "audiences",
        "indexes": ["words", "display_name", "create_time", "update_time", sparse("teams")],
    }
    searchable = ("display_name",)

    display_name: str = StringField(required=True)
    # Beside the version, like all that is counted.
    member_count: int = IntField()
