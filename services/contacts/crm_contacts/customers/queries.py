"""The sections of a customer as they are now."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_chassis.kernel.ids import collection_of, id_of
from crm_chassis.resources.document import Resource
from crm_chassis.resources.reading import find_row
from crm_chassis.resources.translate import json_from_row, name_of
from crm_chassis.resources.visibility import condition
from crm_chassis.telemetry.context import current_call
from crm_contacts.consents.documents import Consent
from crm_contacts.contacts.documents import Contact
from crm_contacts.customers.parts import Part, Rows, rows_of_parts
from crm_contacts.interactions.documents import Interaction
from crm_contacts.organizations.documents import Organization

Row = dict[str, Any]
Data = dict[str, Any]
MOST = 50
MOST_PEOPLE = 1_000
KINDS: Mapping[str, type[Resource]] = {"contacts": Contact, "organizations": Organization}
# The right that a section needs beside the customer's own.
COLLECTIONS: Mapping[str, str] = {"consents": "consents", "interactions": "interactions"}
_SHOWN = {"$project": {"display_name": 1, "positions": 1}}


def find_customer(name: str) -> Row:
    """The row of a contact or an organization that the caller may see.

    Raises:
        NotFound: there is none.
    """
    return find_row(KINDS[collection_of(name)], name)


def sections_now(name: str, row: Row, wanted: Iterable[str]) -> dict[str, Data]:
    """The data of these sections of a customer whose row this is."""
    sections = {section: SECTIONS[section] for section in wanted}
    parts = [part for section in sections.values() for part in section.parts(name, row)]
    rows = rows_of_parts(parts)
    return {title: section.data(name, row, rows) for title, section in sections.items()}


@dataclass(frozen=True)
class Section:
    """How a section is told: the parts that it needs read, and its data from their rows."""

    parts: Callable[[str, Row], list[Part]]
    data: Callable[[str, Row, Rows], Data]


def _nothing(_name: str, _row: Row) -> list[Part]:
    return []


def _profile(name: str, row: Row, _rows: Rows) -> Data:
    """The resource itself."""
    return json_from_row(KINDS[collection_of(name)], row)


def _parts_of_relationships(name: str, row: Row) -> list[Part]:
    by_name: list[Row] = [{"$sort": {"display_name": 1}}, {"$limit": MOST}]
    if collection_of(name) == "contacts":
        ids = [id_of(position["organization"]) for position in row.get("positions", [])]
        wanted = _standing(Organization, {"_id": {"$in": ids}})
        return [Part("organizations", Organization, [{"$match": wanted}, *by_name, _SHOWN])]
    around = [{"parent": name}]
    if "parent" in row:
        around.append({"_id": id_of(row["parent"])})
    organizations = _standing(Organization, {"$or": around})
    people = _standing(Contact, {"positions.organization": name})
    return [
        Part("organizations", Organization, [{"$match": organizations}, *by_name, _SHOWN]),
        Part("people", Contact, [{"$match": people}, *by_name, _SHOWN]),
    ]


def _relationships(name: str, row: Row, rows: Rows) -> Data:
    """The organizations and people a customer has to do with, as far as the caller sees them."""
    organizations = [_entry(found, "organizations") for found in rows["organizations"]]
    if collection_of(name) == "contacts":
        by_name = {found["name"]: found for found in organizations}
        entries = entries_of_positions(row.get("positions", []), by_name)
        return {"organizations": entries, "contacts": []}
    people = [
        {**_entry(person, "contacts"), **title_in(person.get("positions", []), name)}
        for person in rows["people"]
    ]
    return {"organizations": organizations, "contacts": people}


def _parts_of_consents(name: str, _row: Row) -> list[Part]:
    wanted = {"container": name, "in_force": True, "delete_time": None}
    order = {"$sort": {"purpose": 1, "channel": 1}}
    return [Part("consents", Consent, [{"$match": wanted}, order])]


def _consents(_name: str, _row: Row, rows: Rows) -> Data:
    """What the person allows and forbids now."""
    return {"consents": [json_from_row(Consent, row) for row in rows["consents"]]}


def _parts_of_interactions(name: str, _row: Row) -> list[Part]:
    wanted = {"$match": {"container": containers_of(name), "delete_time": None}}
    newest: list[Row] = [{"$sort": {"occur_time": -1, "_id": -1}}, {"$limit": MOST}]
    return [
        Part("interactions", Interaction, [wanted, *newest]),
        Part("interaction count", Interaction, [wanted, {"$count": "count"}]),
    ]


def _interactions(_name: str, _row: Row, rows: Rows) -> Data:
    """The newest times that the company and the customer were in touch, and how many there are."""
    return {
        "interactions": [json_from_row(Interaction, row) for row in rows["interactions"]],
        "totalSize": sum(row["count"] for row in rows["interaction count"]),
    }


SECTIONS: Mapping[str, Section] = {
    "profile": Section(_nothing, _profile),
    "relationships": Section(_parts_of_relationships, _relationships),
    "consents": Section(_parts_of_consents, _consents),
    "interactions": Section(_parts_of_interactions, _interactions),
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


def _entry(row: Row, collection: str) -> Data:
    return {"name": name_of(row, collection), "displayName": row["display_name"]}


def _standing(document: type[Resource], wanted: Row) -> Row:
    seen = condition(document, current_call().principal)
    return {"$and": [wanted, {"delete_time": None}, *([seen] if seen else [])]}
