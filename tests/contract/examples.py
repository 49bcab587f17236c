"""A valid body for each resource that can be made, with every field that may be written."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor

from crm_chassis.resources.masks import is_read_only
from crm_chassis.resources.shape import Field, fields_of
from crm_chassis.testing.protos import declared_rpcs
from crm_chassis.testing.suite import Client

Body = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """What bodies refer to, and below what children stand."""

    user: str
    team: str
    organization: str
    contact: str
    pipeline: str
    case: str
    audience: str


def make(admin: Client) -> Made:
    """What bodies need to be there."""
    user = {"displayName": "Ann", "email": f"{uuid.uuid4().hex}@example.com"}
    organization = admin.post("/v1/organizations", {"displayName": "Acme"}).ok()["name"]
    contact = admin.post("/v1/contacts", {"givenName": "Ann"}).ok()["name"]
    case = {"subject": "Paper jam", "contact": contact, "organization": organization}
    return Made(
        user=admin.post("/v1/users", user).ok()["name"],
        team=admin.post("/v1/teams", {"displayName": "Sales"}).ok()["name"],
        organization=organization,
        contact=contact,
        pipeline=admin.post("/v1/pipelines", PIPELINE).ok()["name"],
        case=admin.post("/v1/cases", case).ok()["name"],
        audience=admin.post("/v1/audiences", {"displayName": "Readers"}).ok()["name"],
    )


ADDRESS = {
    "kind": "WORK",
    "primary": True,
    "regionCode": "CH",
    "postalCode": "8001",
    "administrativeArea": "ZH",
    "locality": "Zürich",
    "addressLines": ["Bahnhofstrasse 1"],
}

POSITION = {
    "title": "CTO",
    "primary": True,
    "startDate": "2020-02-29",
    "endDate": "2026-05-03",
}
PIPELINE = {
    "displayName": "Partners",
    "stages": [
        {"id": "talk", "displayName": "Talk", "probability": 25, "kind": "OPEN"},
        {"id": "offer", "displayName": "Offer", "probability": 60, "kind": "OPEN"},
        {"id": "won", "displayName": "Won", "probability": 100, "kind": "WON"},
        {"id": "lost", "displayName": "Lost", "probability": 0, "kind": "LOST"},
    ],
}
# What stands below a contact.
BELOW = {
    "Interaction": {
        "channel": "PHONE",
        "direction": "INBOUND",
        "subject": "Asked for an offer",
        "body": "At length.",
        "outcome": "Promised",
        "occurTime": "2026-05-03T12:00:00.000Z",
    },
    "Consent": {
        "purpose": "newsletter",
        "channel": "EMAIL",
        "state": "GRANTED",
        "source": "web-form",
        "captureTime": "2026-05-03T12:00:00.000Z",
    },
}


def examples(made: Made) -> Mapping[str, Body]:
    """By the message's name; what only one may have differs in every call."""
    some = uuid.uuid4().hex
    shared = {
        "addresses": [ADDRESS],
        "externalIds": {"erp": some},
        "tags": ["new"],
        "owner": made.user,
        "teams": [made.team],
    }
    return {
        "Contact": {
            **shared,
            "givenName": "Ada",
            "familyName": "Byron",
            "emails": [{"address": "ada@example.com", "kind": "WORK", "primary": True}],
            "phones": [{"number": "+41446681800", "kind": "MOBILE", "primary": True}],
            "positions": [{**POSITION, "organization": made.organization}],
            "languageCode": "de-CH",
            "timeZone": "Europe/Zurich",
            "birthDate": "1815-12-10",
            "lifecycleStage": "LEAD",
            "source": "web-form",
        },
        "Organization": {
            **shared,
            "displayName": "Acme",
            "domains": ["acme.example.com"],
            "industry": "Anvils",
            "parent": made.organization,
        },
        **BELOW,
        **_sales(made),
        **_desk(made),
        **_identities(made, some),
        **_mailings(made),
    }


def _mailings(made: Made) -> Mapping[str, Body]:
    shared = {"owner": made.user, "teams": [made.team]}
    return {
        "Audience": {**shared, "displayName": "Customers"},
        "Campaign": {
            **shared,
            "displayName": "Spring",
            "audience": made.audience,
            "fromAddress": "news@example.com",
            "subject": "Hello {{ contact.givenName }}",
            "body": "Dear {{ contact.displayName }}",
            "purpose": "newsletter",
        },
    }


def _sales(made: Made) -> Mapping[str, Body]:
    return {
        "Pipeline": PIPELINE,
        "Deal": {
            "displayName": "Anvils for a year",
            "organization": made.organization,
            "contacts": [{"contact": made.contact, "role": "CHAMPION"}],
            "amount": {"currencyCode": "CHF", "units": "5000", "nanos": 500_000_000},
            "pipeline": made.pipeline,
            "stage": "offer",
            "probability": 70,
            "expectedCloseDate": "2026-12-24",
            "owner": made.user,
            "teams": [made.team],
        },
    }


def _desk(made: Made) -> Mapping[str, Body]:
    return {
        "Case": {
            "subject": "It does not print",
            "description": "Nothing comes out.",
            "contact": made.contact,
            "organization": made.organization,
            "channel": "EMAIL",
            "priority": "HIGH",
            "queue": "queues/printers",
            "assignee": made.user,
            "owner": made.user,
            "teams": [made.team],
        },
        "Message": {"kind": "CUSTOMER", "body": "Still nothing."},
    }


def _identities(made: Made, some: str) -> Mapping[str, Body]:
    return {
        "User": {
            "displayName": "Bob",
            "email": f"{some}@example.com",
            "teams": [made.team],
            "roles": ["roles/viewer"],
            "state": "ACTIVE",
            "languageCode": "en",
            "timeZone": "UTC",
        },
        "Team": {"displayName": "Inside sales", "parent": made.team},
        "Role": {
            "displayName": "Caller",
            "grants": [{"resourceType": "contacts", "action": "READ", "level": "TEAM"}],
        },
        "ApiKey": {
            "user": made.user,
            "displayName": "A program",
            "expireTime": "2099-01-01T00:00:00.000Z",
        },
    }


def resources() -> dict[str, Descriptor]:
    """What can be made, by the message's name."""
    return {
        rpc.method.output_type.name: rpc.method.output_type
        for rpc in declared_rpcs()
        if rpc.method.name == f"Create{rpc.method.output_type.name}"
    }


def collection_path(resource: str, made: Made) -> str:
    """Where a resource of that name is made."""
    rpc = next(rpc for rpc in declared_rpcs() if rpc.method.name == f"Create{resource}")
    path = rpc.path.replace("{parent=contacts/*}", made.contact)
    return path.replace("{parent=cases/*}", made.case)


def writable(descriptor: Descriptor) -> list[Field]:
    """The fields that a caller may tell."""
    return [field for field in fields_of(descriptor) if not is_read_only(field)]
