"""What is stored of a delivery."""

from datetime import datetime
from typing import Any, ClassVar

from crm.campaigns.v1 import deliveries_pb2
from mongoengine import DateTimeField, DictField, IntField, StringField

from crm_campaigns.campaigns.documents import Campaign
from crm_chassis.resources.document import Resource, sparse


class Delivery(Resource):
    message = deliveries_pb2.Delivery
    meta = {
        "collection": "deliveries",
        "indexes": [
            ("container", "id"),
            "contact",
            "update_time",
            {
                "fields": ["container", "ready"],
                "partialFilterExpression": {"state": "PENDING"},
            },
            # Only what is on its way has an attempt.
            sparse("attempt.token"),
        ],
    }
    container_document = Campaign
    # What handing it over needs: when it may be tried and how often it was, the attempt that has
    # begun (by which turn of which sender, to which address), and what came of that.
    beside: ClassVar[frozenset[str]] = frozenset({"ready", "tries", "attempt", "outcome"})

    contact: str = StringField(required=True)
    address: str | None = StringField()
    state: str = StringField()
    reason: str | None = StringField()
    send_time: datetime | None = DateTimeField()
    unsubscribe_time: datetime | None = DateTimeField()
    campaign_display_name: str | None = StringField()
    purpose: str | None = StringField()
    ready: datetime | None = DateTimeField()
    tries: int | None = IntField()
    attempt: dict[str, Any] = DictField()
    outcome: dict[str, Any] = DictField()
