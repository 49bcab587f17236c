"""What is stored of a role."""

from crm.gateway.v1 import roles_pb2
from mongoengine import EmbeddedDocument, EmbeddedDocumentListField, StringField

from crm_chassis.resources.document import Resource
from crm_gateway.roles.rules import Level


class Grant(EmbeddedDocument):
    resource_type: str = StringField()
    action: str = StringField()
    level: Level = StringField()


class Role(Resource):
    message = roles_pb2.Role
    meta = {"collection": "roles", "indexes": ["display_name", "update_time"]}

    display_name: str = StringField(required=True)
    grants: list[Grant] = EmbeddedDocumentListField(Grant)
