"""What is stored of an API key: never its secret."""

from datetime import datetime

from crm.gateway.v1 import api_keys_pb2
from mongoengine import DateTimeField, StringField

from crm_chassis.resources.document import Resource


class ApiKey(Resource):
    message = api_keys_pb2.ApiKey
    meta = {"collection": "api_keys", "indexes": ["user", "display_name", "update_time"]}
    owner_field = "user"

    user: str = StringField(required=True)
    display_name: str = StringField(required=True)
    expire_time: datetime | None = DateTimeField()
    revoke_time: datetime | None = DateTimeField()
    # Derived, beside the version.
    last_use_time: datetime | None = DateTimeField()
    # A SHA-256; the message has no such field, so no answer and no event has it.
    secret_digest: str = StringField(required=True)
