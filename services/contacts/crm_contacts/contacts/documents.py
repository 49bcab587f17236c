"""What is stored of a contact."""

from crm.contacts.v1 import contacts_pb2
from mongoengine import (
    BooleanField,
    EmbeddedDocument,
    EmbeddedDocumentListField,
    ListField,
    MapField,
    StringField,
)

from crm_chassis.resources.document import Resource, sparse
from crm_contacts.contact_points.documents import Address, EmailAddress, PhoneNumber


class Position(EmbeddedDocument):
    organization: str = StringField(required=True)
    title: str | None = StringField()
    primary: bool = BooleanField()
    start_date: str | None = StringField()
    end_date: str | None = StringField()


class Contact(Resource):
    message = contacts_pb2.Contact
    meta = {
        "collection": "contacts",
        "indexes": [
            "display_name",
            "update_time",
            "emails.address",
            "owner",
            sparse("teams"),
            sparse("positions.organization"),
        ],
    }
    searchable = ("display_name", "emails.address", "phones.number", "external_ids", "tags")
    snippet_fields = ("emails.address", "phones.number")
    numbers = ("phones.number",)
    terms_since = "0004_terms"

    given_name: str | None = StringField()
    family_name: str | None = StringField()
    display_name: str = StringField()
    emails: list[EmailAddress] = EmbeddedDocumentListField(EmailAddress)
    phones: list[PhoneNumber] = EmbeddedDocumentListField(PhoneNumber)
    addresses: list[Address] = EmbeddedDocumentListField(Address)
    positions: list[Position] = EmbeddedDocumentListField(Position)
    language_code: str | None = StringField()
    time_zone: str | None = StringField()
    birth_date: str | None = StringField()
    lifecycle_stage: str | None = StringField()
    source: str | None = StringField()
    external_ids: dict[str, str] = MapField(StringField())
    tags: list[str] = ListField(StringField())
