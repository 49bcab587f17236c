"""The sections of a customer as they are now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from crm_chassis.kernel.errors import NotFound
from crm_chassis.kernel.ids import collection_of
from crm_chassis.memory import exact
from crm_chassis.resources.document import Resource
from crm_chassis.resources.event_log import tidings
from crm_chassis.resources.kept import MOST_NAMES, Kept
from crm_chassis.resources.parts import Part, Rows, rows_of_parts
from crm_chassis.resources.translate import json_from_row, name_of
from crm_chassis.resources.visibility import condition, is_visible
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
_SHOWN: Row = {"$project": {"display_name": 1, "positions": 1}}
_BY_NAME: Sequence[Row] = ({"$sort": {"display_name": 1}}, {"$limit": MOST}, _SHOWN)


def sections_now(
    name: str, wanted: Sequence[str], *, show_deleted: bool = False
) -> Mapping[str, bytes]:
    """The JSON of these sections of a contact or an organization that the caller may see.

    Raises:
        NotFound: there is none, or it was deleted, but for `show_deleted`.
    """
    question = (name, tuple(wanted), show_deleted, current_call().principal)
    return _KEPT.answer(
        question, lambda: _names_around(name), lambda: _read(name, wanted, show_deleted)
    )


def _read(name: str, wanted: Sequence[str], show_deleted: bool) -> Mapping[str, bytes]:
    sections = {title: SECTIONS[title] for title in wanted}
    parts = [part for section in sections.values() for part in section.parts(name)]
    rows = rows_of_parts([_customer(name, show_deleted), *parts])
    for row in rows["customer"]:
        if is_visible(KINDS[collection_of(name)], row, current_call().principal):
            return {
                title: exact(orjson.dumps(section.data(name, row, rows)))
                for title, section in sections.items()
            }
    raise NotFound(f"There is no {name}.")


def _names_around(name: str) -> list[str]:
    """The customers whose changes may change what is told of this one."""
    kind = KINDS[collection_of(name)]
    row = kind.rows().find_one(kind.key_of(name), {"positions.organization": 1, "parent": 1}) or {}
    above = [position["organization"] for position in row.get("positions", [])]
    above += [row["parent"]] if "parent" in row else []
    people = {"positions.organization": name, "delete_time": None}
    below = Contact.rows().find(people, {"_id": 1}).limit(MOST_NAMES)
    return [name, *above, *(name_of(person, "contacts") for person in below)]


def _size(sections: Mapping[str, bytes]) -> int:
    return sum(map(len, sections.values()))


_KEPT: Kept[Mapping[str, bytes]] = Kept(tidings, _size)


@dataclass(frozen=True)
class Section:
    """How a section is told: the parts that it needs read, and its data from their rows."""

    parts: Callable[[str], list[Part]]
    data: Callable[[str, Row, Rows], Data]


def _customer(name: str, show_deleted: bool) -> Part:
    """The customer's own row."""
    kind = KINDS[collection_of(name)]
    standing = {} if show_deleted else {"delete_time": None}
    return Part("customer", kind.rows(), [{"$match": {**kind.key_of(name), **standing}}])


def _nothing(_name: str) -> list[Part]:
    return []


def _profile(name: str, row: Row, _rows: Rows) -> Data:
    """The resource itself."""
    return json_from_row(KINDS[collection_of(name)], row)


def _parts_of_relationships(name: str) -> list[Part]:
    """The organizations that the customer's row names, those below it, and its people."""
    if collection_of(name) == "contacts":
        return [_organizations(Contact, name, "$positions.organization")]
    below = _standing(Organization, {"parent": name})
    people = _standing(Contact, {"positions.organization": name})
    return [
        _organizations(Organization, name, ["$parent"]),
        Part("below", Organization.rows(), [{"$match": below}, *_BY_NAME]),
        Part("people", Contact.rows(), [{"$match": people}, *_BY_NAME]),
    ]


def _organizations(kind: type[Resource], name: str, names: Any) -> Part:
    """The organizations whose names stand in the customer's row."""
    id_in_name = {"$substrBytes": ["$$this", len("organizations/"), -1]}
    found = {
        "from": Organization.rows().name,
        "localField": "ids",
        "foreignField": "_id",
        "pipeline": [{"$match": _standing(Organization, {})}, *_BY_NAME],
        "as": "found",
    }
    stages: list[Row] = [
        {"$match": kind.key_of(name)},
        {"$project": {"ids": {"$map": {"input": names, "in": id_in_name}}}},
        {"$lookup": found},
        {"$unwind": "$found"},
        {"$replaceWith": "$found"},
    ]
    return Part("organizations", kind.rows(), stages)


def _relationships(name: str, row: Row, rows: Rows) -> Data:
    """The organizations and people a customer has to do with, as far as the caller sees them."""
    organizations = [_entry(found, "organizations") for found in rows["organizations"]]
    if collection_of(name) == "contacts":
        by_name = {found["name"]: found for found in organizations}
        entries = entries_of_positions(row.get("positions", []), by_name)
        return {"organizations": entries, "contacts": []}
    organizations += [_entry(found, "organizations") for found in rows["below"]]
    people = [
        {**_entry(person, "contacts"), **title_in(person.get("positions", []), name)}
        for person in rows["people"]
    ]
    return {"organizations": organizations[:MOST], "contacts": people}


def _parts_of_consents(name: str) -> list[Part]:
    wanted = {"container": name, "in_force": True, "delete_time": None}
    order = {"$sort": {"purpose": 1, "channel": 1}}
    return [Part("consents", Consent.rows(), [{"$match": wanted}, order])]


def _consents(_name: str, _row: Row, rows: Rows) -> Data:
    """What the person allows and forbids now."""
    return {"consents": [json_from_row(Consent, row) for row in rows["consents"]]}


def _parts_of_interactions(name: str) -> list[Part]:
    newest: list[Row] = [{"$sort": {"occur_time": -1, "_id": -1}}, {"$limit": MOST + 1}]
    return [Part("interactions", Interaction.rows(), [{"$match": _talks_with(name)}, *newest])]


def _interactions(name: str, _row: Row, rows: Rows) -> Data:
    """The newest times that the company and the customer were in touch, and how many there are.

    Only where there are more than are shown they have to be counted.
    """
    found = rows["interactions"]
    is_all = len(found) <= MOST
    total = len(found) if is_all else Interaction.rows().count_documents(_talks_with(name))
    shown = [json_from_row(Interaction, row) for row in found[:MOST]]
    return {"interactions": shown, "totalSize": total}


def _talks_with(name: str) -> Row:
    return {"container": containers_of(name), "delete_time": None}


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
    """What is wanted, as far as it was not deleted and the caller may see it."""
    principal = current_call().principal
    if principal.level(document.collection(), "READ") is None:
        return {"_id": {"$in": []}}
    return {"$and": [wanted, {"delete_time": None}, condition(document, principal)]}
