"""What is stored of an interaction."""

from datetime import datetime

from crm.contacts.v1 import interactions_pb2
from mongoengine import DateTimeField, StringField

from crm_chassis.resources.document import Resource
from crm_contacts.contacts.documents import Contact


class Interaction(Resource):
    message = interactions_pb2.Interaction
    meta = {"collection": "interactions", "indexes": [("container", "-occur_time", "-id")]}
    container_document = Contact

    channel: str = StringField(required=True)
    direction: str = StringField(required=True)
    subject: str | None = StringField()
    body: str | None = StringField()
    outcome: str | None = StringField()
    occur_time: datetime | None = DateTimeField()
