"""What is stored of an e-mail address, a telephone number, a postal address."""

from mongoengine import BooleanField, EmbeddedDocument, ListField, StringField


class EmailAddress(EmbeddedDocument):
    address: str = StringField(required=True)
    kind: str | None = StringField()
    primary: bool = BooleanField()


class PhoneNumber(EmbeddedDocument):
    number: str = StringField(required=True)
    kind: str | None = StringField()
    primary: bool = BooleanField()


class Address(EmbeddedDocument):
    kind: str | None = StringField()
    primary: bool = BooleanField()
    region_code: str | None = StringField()
    postal_code: str | None = StringField()
    administrative_area: str | None = StringField()
    locality: str | None = StringField()
    address_lines: list[str] = ListField(StringField())
