"""The sections of a customer as they were known at a moment: reads of the event log."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from crm_chassis.kernel.errors import NotFound
from crm_chassis.kernel.ids import collection_of, id_of
from crm_chassis.resources.event_log import latest
from crm_chassis.resources.past import find_as_of, refuse_future
from crm_chassis.resources.reading import find_row
from crm_chassis.resources.visibility import is_visible
from crm_chassis.telemetry.context import current_call
from crm_contacts.consents.documents import Consent
from crm_contacts.contacts.documents import Contact
from crm_contacts.customers.queries import KINDS, MOST, MOST_PEOPLE, entries_of_positions
from crm_contacts.interactions.documents import Interaction
from crm_contacts.organizations.documents import Organization

Data = dict[str, Any]


def sections_then(
    name: str, wanted: Sequence[str], moment: datetime, *, show_deleted: bool = False
) -> Mapping[str, bytes]:
    """The JSON of these sections of a contact or an organization at a moment; rights are today's.

    Raises:
        NotFound, Invalid: as in `find_customer_then`.
    """
    data = find_customer_then(name, moment, show_deleted=show_deleted)
    return {title: orjson.dumps(SECTIONS[title](name, data, moment)) for title in wanted}


def find_customer_then(name: str, moment: datetime, *, show_deleted: bool = False) -> Data:
    """The JSON of a contact or an organization as it was; rights are today's.

    Raises:
        NotFound: it was not there then, or deleted, but for `show_deleted`; or the caller may not
            see it now.
        Invalid: the moment lies ahead.
    """
    refuse_future(moment)
    find_row(KINDS[collection_of(name)], name, show_deleted=True)
    event = latest(name, moment)
    if event is None or ("deleteTime" in event["data"] and not show_deleted):
        raise NotFound(f"There was no {name} then.")
    found: Data = event["data"]
    return found


def profile(_name: str, data: Data, _moment: datetime) -> Data:
    """The resource itself."""
    return data


def relationships(name: str, data: Data, moment: datetime) -> Data:
    """The organizations and people that the customer had to do with."""
    if collection_of(name) == "contacts":
        positions = data.get("positions", [])
        names = [position["organization"] for position in positions]
        found = {entry["name"]: entry for entry in _organizations(names, moment)}
        return {"organizations": entries_of_positions(positions, found), "contacts": []}
    parents = [data["parent"]] if data.get("parent") else []
    below = {"data.parent": name, "data.deleteTime": None}
    children = find_as_of(Organization, "", moment, [{"$match": below}, {"$limit": MOST}])
    return {
        "organizations": [
            *_organizations(parents, moment),
            *(_entry(row["data"]) for row in children if _is_seen(Organization, row["now"])),
        ],
        "contacts": [_entry(person) for person in _people(name, moment)[:MOST]],
    }


def consents(name: str, _data: Data, moment: datetime) -> Data:
    """What the person allowed and forbade."""
    order = {"$sort": {"data.purpose": 1, "data.channel": 1}}
    rows = find_as_of(Consent, name, moment, [{"$match": {"in_force": True}}, order])
    return {"consents": [row["data"] for row in rows]}


def interactions(name: str, _data: Data, moment: datetime) -> Data:
    """The newest times that the company and the customer had been in touch, and how many."""
    is_contact = collection_of(name) == "contacts"
    names = [name] if is_contact else [person["name"] for person in _people(name, moment)]
    found = [row for each in names for row in _interactions(each, moment)]
    found.sort(key=lambda row: (row["occur_time"], row["_id"]), reverse=True)
    return {"interactions": [row["data"] for row in found[:MOST]], "totalSize": len(found)}


SECTIONS: Mapping[str, Callable[[str, Data, datetime], Data]] = {
    "profile": profile,
    "relationships": relationships,
    "consents": consents,
    "interactions": interactions,
}


def _interactions(contact: str, moment: datetime) -> list[Data]:
    return find_as_of(Interaction, contact, moment, [{"$match": {"data.deleteTime": None}}])


def _people(organization: str, moment: datetime) -> list[Data]:
    wanted = {"data.positions.organization": organization, "data.deleteTime": None}
    stages: list[Data] = [
        {"$match": wanted},
        {"$sort": {"data.displayName": 1}},
        {"$limit": MOST_PEOPLE},
    ]
    rows = find_as_of(Contact, "", moment, stages)
    return [row["data"] for row in rows if _is_seen(Contact, row["now"])]


def _organizations(names: list[str], moment: datetime) -> list[Data]:
    rows = {
        row["_id"]: row
        for row in Organization.rows().find({"_id": {"$in": [id_of(name) for name in names]}})
    }
    events = [
        latest(name, moment)
        for name in dict.fromkeys(names)
        if id_of(name) in rows and _is_seen(Organization, rows[id_of(name)])
    ]
    return [_entry(event["data"]) for event in events if event is not None]


def _entry(data: Data) -> Data:
    return {"name": data["name"], "displayName": data["displayName"]}


def _is_seen(document: type[Contact] | type[Organization], row: Mapping[str, Any]) -> bool:
    return is_visible(document, row, current_call().principal)
