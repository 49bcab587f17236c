"""What is stored of a campaign."""

from datetime import datetime
from typing import Any, ClassVar

from crm.campaigns.v1 import campaigns_pb2
from mongoengine import BooleanField, DateTimeField, DictField, StringField

from crm_chassis.resources.document import Resource, sparse


class Campaign(Resource):
    message = campaigns_pb2.Campaign
    meta = {
        "collection": "campaigns",
        "indexes": [
            "words",
            "display_name",
            "create_time",
            "update_time",
            "audience",
            sparse("teams"),
            # Only what the sender has to look at is ready some time.
            sparse("ready"),
        ],
    }
    searchable = ("display_name",)
    snippet_fields = ("subject",)
    # What sending it needs: when there is something to do, how far recipients are planned, why.
    beside: ClassVar[frozenset[str]] = frozenset({"ready", "planned_to", "planned", "cause"})

    display_name: str = StringField(required=True)
    audience: str = StringField(required=True)
    from_address: str = StringField(required=True)
    subject: str = StringField(required=True)
    body: str = StringField(required=True)
    purpose: str = StringField(required=True)
    state: str = StringField()
    schedule_time: datetime | None = DateTimeField()
    stats: dict[str, int] = DictField()
    ready: datetime | None = DateTimeField()
    planned_to: str | None = StringField()
    planned: bool = BooleanField()
    cause: dict[str, Any] = DictField()
