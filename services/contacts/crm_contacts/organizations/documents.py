"""What is stored of an organization."""

from crm.contacts.v1 import organizations_pb2
from mongoengine import EmbeddedDocumentListField, ListField, MapField, StringField

from crm_chassis.resources.document import Resource, sparse
from crm_contacts.contact_points.documents import Address


class Organization(Resource):
    message = organizations_pb2.Organization
    meta = {
        "collection": "organizations",
        "indexes": [
            "words",
            "display_name",
            "update_time",
            "owner",
            sparse("teams"),
            sparse("domains"),
            sparse("parent"),
        ],
    }
    searchable = ("display_name", "domains", "tags", "external_ids")
    snippet_fields = ("domains",)

    display_name: str = StringField(required=True)
    domains: list[str] = ListField(StringField())
    industry: str | None = StringField()
    parent: str | None = StringField()
    addresses: list[Address] = EmbeddedDocumentListField(Address)
    external_ids: dict[str, str] = MapField(StringField())
    tags: list[str] = ListField(StringField())
