"""What is stored of a consent."""

from datetime import datetime

from crm.contacts.v1 import consents_pb2
from mongoengine import BooleanField, DateTimeField, StringField

from crm_chassis.resources.document import Resource
from crm_contacts.contacts.documents import Contact


class Consent(Resource):
    message = consents_pb2.Consent
    meta = {
        "collection": "consents",
        "indexes": [("container", "purpose", "channel", "-capture_time")],
    }
    container_document = Contact
    # Of the consents of a moment, the newest of each purpose and channel was in force.
    as_of_stages = (
        {"$set": {"order": {"time": "$capture_time", "id": "$_id"}}},
        {
            "$setWindowFields": {
                "partitionBy": {"purpose": "$purpose", "channel": "$channel"},
                "sortBy": {"order": -1},
                "output": {"rank": {"$documentNumber": {}}},
            }
        },
        {"$set": {"in_force": {"$eq": ["$rank", 1]}}},
        {"$set": {"data.inForce": "$in_force"}},
    )

    purpose: str = StringField(required=True)
    channel: str = StringField(required=True)
    state: str = StringField(required=True)
    source: str | None = StringField()
    capture_time: datetime | None = DateTimeField()
    in_force: bool = BooleanField()
