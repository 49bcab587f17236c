"""What is stored of a case."""

from datetime import datetime

from crm.service_desk.v1 import cases_pb2
from mongoengine import DateTimeField, IntField, MapField, StringField

from crm_chassis.resources.document import Resource, sparse


class Case(Resource):
    message = cases_pb2.Case
    meta = {
        "collection": "cases",
        "indexes": [
            "words",
            "number",
            "subject",
            "update_time",
            "owner",
            ("queue", "state"),
            ("first_response_target", "state"),
            ("resolution_target", "state"),
            sparse("teams"),
            sparse("assignee"),
            sparse("contact"),
            sparse("organization"),
        ],
    }
    searchable = ("number", "subject")
    title_field = "subject"
    snippet_fields = ("number", "customer_display_names")

    number: int = IntField()
    subject: str = StringField(required=True)
    description: str | None = StringField()
    contact: str | None = StringField()
    organization: str | None = StringField()
    channel: str = StringField()
    priority: str = StringField()
    state: str = StringField()
    queue: str = StringField()
    assignee: str | None = StringField()
    first_response_due_time: datetime = DateTimeField()
    resolution_due_time: datetime = DateTimeField()
    first_response_time: datetime | None = DateTimeField()
    resolve_time: datetime | None = DateTimeField()
    first_response_target: str | None = StringField()
    resolution_target: str | None = StringField()
    customer_display_names: dict[str, str] = MapField(StringField())
