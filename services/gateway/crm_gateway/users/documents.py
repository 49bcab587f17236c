"""What is stored of a user."""

from crm.gateway.v1 import users_pb2
from mongoengine import ListField, StringField

from crm_chassis.resources.document import Resource


class User(Resource):
    message = users_pb2.User
    meta = {
        "collection": "users",
        "indexes": ["email", "teams", "roles", "display_name", "update_time"],
    }
    unique = ("email",)
    owner_field = "_id"

    display_name: str = StringField(required=True)
    email: str = StringField(required=True)
    teams: list[str] = ListField(StringField())
    roles: list[str] = ListField(StringField())
    state: str | None = StringField()
    language_code: str | None = StringField()
    time_zone: str | None = StringField()
