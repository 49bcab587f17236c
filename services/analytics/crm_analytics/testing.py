"""Events as services announce them, with sensible values, for tests and measurements."""

from datetime import datetime
from typing import Any

from crm.contacts.v1 import contacts_pb2, interactions_pb2, organizations_pb2
from crm.sales.v1 import deals_pb2
from crm.service_desk.v1 import cases_pb2

from crm_analytics.journal.reactions import take_up
from crm_chassis.events.canonical import datahash, new_salt
from crm_chassis.events.catalog import event_type, package_of
from crm_chassis.events.envelope import Event
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.ids import container_of, id_of, new_id
from crm_chassis.resources.customers import customers_of
from crm_chassis.resources.etags import etag_of
from crm_chassis.resources.shape import field_names
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import row_from_message, row_json

ADMINISTRATOR = "users/0190b0c4-0000-7000-8000-00000000000a"


def an_event(
    resource: Any,
    word: str = "created",
    *,
    sequence: int = 1,
    time: datetime | None = None,
    deleted: bool = False,
    **envelope: Any,
) -> Event:
    """The event that a resource (its message, with a name) announces of its version."""
    descriptor, moment = resource.DESCRIPTOR, time or now()
    row = row_from_message(resource)
    row |= {"_id": id_of(resource.name), "version": sequence, "update_time": moment}
    container = container_of(resource.name)
    if container:
        row["container"] = container
    if deleted:
        row["delete_time"] = moment
    data, salt = row_json(descriptor)(row), new_salt()
    data |= {"name": resource.name, "etag": etag_of(sequence)}
    is_owned = "owner" in field_names(descriptor)
    values: dict[str, Any] = {
        "id": new_id(),
        "source": "/crm/" + package_of(descriptor).replace("_", "-"),
        "type": event_type(descriptor, word),
        "subject": resource.name,
        "time": moment,
        "sequence": sequence,
        "customers": tuple(customers_of(descriptor, [row])),
        "parent": resource.name if is_owned else container or resource.name,
        "paths": (),
        "datahash": datahash(salt, data),
        "salt": salt,
        "actor": ADMINISTRATOR,
        "correlationid": new_id(),
        "causationid": new_id(),
        "traceparent": "",
        "data": data,
    }
    return Event(**values | envelope)


def a_contact(name: str = "", **fields: Any) -> contacts_pb2.Contact:
    """A contact's message; of the administrator's, when no owner is told."""
    values = {"display_name": "Ann Miller", "owner": ADMINISTRATOR, **fields}
    return contacts_pb2.Contact(name=name or f"contacts/{new_id()}", **values)


def an_organization(name: str = "", **fields: Any) -> organizations_pb2.Organization:
    """An organization's message."""
    values = {"display_name": "Acme", "owner": ADMINISTRATOR, **fields}
    return organizations_pb2.Organization(name=name or f"organizations/{new_id()}", **values)


def an_interaction(contact: str, name: str = "", **fields: Any) -> interactions_pb2.Interaction:
    """The message of an interaction with a contact."""
    values = {"channel": "PHONE", "direction": "INBOUND", "subject": "Hello", **fields}
    own = name or f"{contact}/interactions/{new_id()}"
    return interactions_pb2.Interaction(name=own, **{"occur_time": now(), **values})


def a_deal(*contacts: str, name: str = "", **fields: Any) -> deals_pb2.Deal:
    """The message of an open deal in which these people have a say."""
    values = {"display_name": "Anvils", "owner": ADMINISTRATOR, "state": "OPEN", **fields}
    people = [{"contact": contact} for contact in contacts]
    return deals_pb2.Deal(name=name or f"deals/{new_id()}", contacts=people, **values)


def a_case(**fields: Any) -> cases_pb2.Case:
    """A case's message; of the administrator's, when no owner is told."""
    values = {"subject": "Hello", "state": "NEW", "owner": ADMINISTRATOR, **fields}
    return cases_pb2.Case(name=f"cases/{new_id()}", **values)


def happen(*events: Event) -> None:
    """Let the service take events, in one transaction."""
    in_transaction(take_up, events)
