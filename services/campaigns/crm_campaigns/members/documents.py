"""What is stored of a member."""

from crm.campaigns.v1 import members_pb2
from mongoengine import MapField, StringField

from crm_campaigns.audiences.documents import Audience
from crm_chassis.resources.document import Resource


class Member(Resource):
    message = members_pb2.Member
    meta = {"collection": "members", "indexes": [("container", "id"), "contact", "update_time"]}
    container_document = Audience

    contact: str = StringField(required=True)
    customer_display_names: dict[str, str] = MapField(StringField())
