"""What is stored of a deal."""

from datetime import datetime
from typing import Any

from crm.sales.v1 import deals_pb2
from mongoengine import (
    DateTimeField,
    DictField,
    EmbeddedDocument,
    EmbeddedDocumentListField,
    IntField,
    MapField,
    StringField,
)

from crm_chassis.resources.document import Resource, sparse


class Participant(EmbeddedDocument):
    contact: str = StringField(required=True)
    role: str | None = StringField()


class Deal(Resource):
    message = deals_pb2.Deal
    meta = {
        "collection": "deals",
        "indexes": [
            "words",
            "display_name",
            "update_time",
            "owner",
            ("pipeline", "stage"),
            sparse("teams"),
            sparse("organization"),
            sparse("contacts.contact"),
        ],
    }
    searchable = ("display_name",)
    snippet_fields = ("customer_display_names",)

    display_name: str = StringField(required=True)
    organization: str | None = StringField()
    contacts: list[Participant] = EmbeddedDocumentListField(Participant)
    amount: dict[str, Any] | None = DictField()
    pipeline: str = StringField()
    stage: str = StringField()
    probability: int | None = IntField()
    expected_close_date: str | None = StringField()
    state: str = StringField()
    lost_reason: str | None = StringField()
    close_time: datetime | None = DateTimeField()
    stage_time: datetime | None = DateTimeField()
    customer_display_names: dict[str, str] = MapField(StringField())
