"""What is stored of a message."""

from crm.service_desk.v1 import messages_pb2
from mongoengine import StringField

from crm_chassis.resources.document import Resource, sparse
from crm_service_desk.cases.documents import Case


class Message(Resource):
    message = messages_pb2.Message
    meta = {
        "collection": "messages",
        "indexes": [("container", "id"), sparse("contact"), sparse("organization")],
    }
    container_document = Case

    kind: str = StringField(required=True)
    body: str = StringField(required=True)
    author: str = StringField()
    subject: str = StringField()
    contact: str | None = StringField()
    organization: str | None = StringField()
