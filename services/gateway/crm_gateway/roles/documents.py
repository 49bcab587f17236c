"""What is stored of a role."""

from crm.gateway.v1 import roles_pb2
from crm_chassis.resources.document import Resource
from mongoengine import EmbeddedDocument, EmbeddedDocumentListField, StringField


class Grant(EmbeddedDocument):
    resource_type: str = StringField()
    action: str = StringField()
    level: str = StringField()


class Role(Resource):
    message = roles_pb2.Role
    meta = {"collection": "roles", "indexes": ["display_name", "update_time"]}

    display_name: str = StringField(required=True)
    grants: list[Grant] = EmbeddedDocumentListField(Grant)
