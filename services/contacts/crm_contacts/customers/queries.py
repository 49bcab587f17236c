"""The sections of a customer as they are now."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crm_chassis.kernel.ids import collection_of, id_of
from crm_chassis.resources.document import Resource
from crm_chassis.resources.reading import find_row
from crm_chassis.resources.translate import json_from_row, name_of
from crm_chassis.resources.visibility import condition
from crm_chassis.telemetry.context import current_call
from crm_contacts.consents.documents import Consent
from crm_contacts.contacts.documents import Contact
from crm_contacts.interactions.documents import Interaction
from crm_contacts.organizations.documents import Organization

Row = dict[str, Any]
Data = dict[str, Any]
MOST = 50
MOST_PEOPLE = 1_000
KINDS: Mapping[str, type[Resource]] = {"contacts": Contact, "organizations": Organization}
# The right that a section needs beside the customer's own.
COLLECTIONS: Mapping[str, str] = {"consents": "consents", "interactions": "interactions"}


def find_customer(name: str) -> Row:
    """The row of a contact or an organization that the caller may see.

    Raises:
        NotFound: there is none.
    """
    return find_row(KINDS[collection_of(name)], name)


def profile(name: str, row: Row) -> Data:
    """The resource itself."""
    return json_from_row(KINDS[collection_of(name)], row)


def relationships(name: str, row: Row) -> Data:
    """The organizations and people a customer has to do with, as far as the caller sees them."""
    if collection_of(name) == "contacts":
        positions = row.get("positions", [])
        names = [position["organization"] for position in positions]
        organizations = {found["name"]: found for found in _named(Organization, _by_name(names))}
        return {"organizations": entries_of_positions(positions, organizations), "contacts": []}
    around = [{"parent": name}]
    if "parent" in row:
        around.append({"_id": id_of(row["parent"])})
    people = Contact.rows().find(
        _standing(Contact, {"positions.organization": name}),
        {"display_name": 1, "positions": 1},
    )
    return {
        "organizations": _named(Organization, {"$or": around}),
        "contacts": [
            {"name": name_of(person, "contacts"), "displayName": person["display_name"], **title}
            for person in people.sort("display_name", 1).limit(MOST)
            for title in [title_in(person.get("positions", []), name)]
        ],
    }


def consents(name: str, _row: Row) -> Data:
    """What the person allows and forbids now."""
    found = Consent.rows().find({"container": name, "in_force": True, "delete_time": None})
    rows = found.sort([("purpose", 1), ("channel", 1)])
    return {"consents": [json_from_row(Consent, row) for row in rows]}


def interactions(name: str, _row: Row) -> Data:
    """The newest times that the company and the customer were in touch, and how many there are."""
    wanted = {"container": containers_of(name), "delete_time": None}
    found = Interaction.rows().find(wanted).sort([("occur_time", -1), ("_id", -1)]).limit(MOST)
    rows = [json_from_row(Interaction, row) for row in found]
    total = len(rows)
    if total == MOST:
        total = Interaction.rows().count_documents(wanted)
    return {"interactions": rows, "totalSize": total}


SECTIONS: Mapping[str, Callable[[str, Row], Data]] = {
    "profile": profile,
    "relationships": relationships,
    "consents": consents,
    "interactions": interactions,
}


def containers_of(name: str) -> Any:
    """The condition for the contacts that a customer's interactions belong to."""
    if collection_of(name) == "contacts":
        return name
    people = Contact.rows().find(_standing(Contact, {"positions.organization": name}), {"_id": 1})
    return {"$in": [name_of(person, "contacts") for person in people.limit(MOST_PEOPLE)]}


def entries_of_positions(
    positions: Sequence[Mapping[str, Any]], organizations: Mapping[str, Data]
) -> list[Data]:
    """Each position as an entry: the organization, and what the person is there."""
    return [
        {**organizations[position["organization"]], **title_in([position])}
        for position in positions
        if position["organization"] in organizations
    ]


def title_in(positions: Sequence[Mapping[str, Any]], organization: str = "") -> Data:
    """What a person is in an organization, or in the first of the positions."""
    for position in positions:
        if organization in {"", position["organization"]}:
            told = {"title": position.get("title"), "primary": position.get("primary")}
            return {name: value for name, value in told.items() if value}
    return {}


def _named(document: type[Resource], wanted: Row) -> list[Data]:
    found = document.rows().find(_standing(document, wanted), {"display_name": 1})
    return [
        {"name": name_of(row, document.collection()), "displayName": row["display_name"]}
        for row in found.sort("display_name", 1).limit(MOST)
    ]


def _by_name(names: Sequence[str]) -> Row:
    return {"_id": {"$in": [id_of(name) for name in names]}}


def _standing(document: type[Resource], wanted: Row) -> Row:
    seen = condition(document, current_call().principal)
    return {"$and": [wanted, {"delete_time": None}, *([seen] if seen else [])]}
