"""What is kept of contacts and their consents, from events and by asking their owner."""

import pytest
from crm.contacts.v1 import consents_pb2, consents_pb2_grpc, contacts_pb2, contacts_pb2_grpc

from crm_campaigns.members.documents import Member
from crm_campaigns.recipients.asking import Owner
from crm_campaigns.recipients.commands import keep_consents, keep_contacts
from crm_campaigns.recipients.queries import find_recipients
from crm_campaigns.recipients.reactions import keep_recipients, keep_what_was_said
from crm_campaigns.testing import PURPOSE, a_consent, a_contact, an_audience, an_event
from crm_chassis.kernel.errors import NotFound, Unavailable
from crm_chassis.kernel.ids import new_id
from crm_chassis.resources.customer_names import keep_names
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.rpc.channels import Peers
from crm_chassis.telemetry.context import current_call
from crm_chassis.testing.grpc import make_keys, serving
from crm_chassis.testing.ports import free_ports


def consent_of(contact: str) -> str:
    return find_recipients([contact], PURPOSE)[contact].consent


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_was_said_last_counts_whichever_is_heard_of_last(order):
    contact = a_contact(consent="")
    said = [
        a_consent(contact, "GRANTED", captureTime="2026-05-03T12:00:00.000Z"),
        a_consent(contact, "WITHDRAWN", captureTime="2026-05-04T12:00:00.000Z"),
    ]

    for place in order:
        keep_consents([said[place]], None)

    assert consent_of(contact) == "WITHDRAWN"


def test_of_two_things_said_at_one_moment_the_one_told_of_last_counts():
    contact = a_contact(consent="")
    moment = {"captureTime": "2026-05-03T12:00:00.000Z"}
    first = a_consent(contact, "GRANTED", createTime="2026-05-03T12:00:01.000Z", **moment)
    second = a_consent(contact, "DENIED", createTime="2026-05-03T12:00:02.000Z", **moment)

    keep_consents([second, first], None)

    assert consent_of(contact) == "DENIED"


def test_consent_to_another_purpose_or_channel_is_none():
    contact = a_contact(consent="")

    keep_consents([a_consent(contact, purpose="other"), a_consent(contact, channel="SMS")], None)

    assert consent_of(contact) == ""


def test_an_older_contact_changes_nothing():
    contact = a_contact(displayName="New")
    newer = {"name": contact, "displayName": "Newer", "emails": []}

    keep_contacts([(newer, 3)], None)
    keep_contacts([({**newer, "displayName": "Older"}, 2)], None)

    assert find_recipients([contact], PURPOSE)[contact].data["displayName"] == "Newer"


def test_events_bring_contacts_and_what_they_said():
    contact = a_contact(consent="", displayName="Ada")
    an_audience([contact])
    data = {"name": contact, "displayName": "Ada Byron", "emails": [{"address": "b@example.com"}]}
    changed = an_event("crm.contacts.contact.updated.v1", data, 2)
    said = an_event("crm.contacts.consent.created.v1", a_consent(contact))

    in_transaction(keep_recipients, [changed])
    in_transaction(keep_names, [changed], Member)
    in_transaction(keep_what_was_said, [said])

    found = find_recipients([contact], PURPOSE)[contact]
    assert (found.address, found.consent, found.obstacle) == ("b@example.com", "GRANTED", "")
    assert Member.rows().find_one()["customer_display_names"] == {contact: "Ada Byron"}


def test_an_event_tells_that_a_contact_was_deleted():
    contact = a_contact()
    data = {"name": contact, "emails": [], "deleteTime": "2026-05-03T12:00:00.000Z"}

    in_transaction(keep_recipients, [an_event("crm.contacts.contact.deleted.v1", data, 2)])

    assert find_recipients([contact], PURPOSE)[contact].obstacle == "DELETED"


class People(contacts_pb2_grpc.ContactServiceServicer):
    def __init__(self):
        self.known, self.callers = {}, []

    def GetContact(self, request, context):  # noqa: N802 - gRPC names it
        self.callers.append(current_call().principal.name)
        if request.name not in self.known:
            raise NotFound("No.")
        return self.known[request.name]


class Saying(consents_pb2_grpc.ConsentServiceServicer):
    def __init__(self):
        self.known, self.filters = {}, []

    def ListConsents(self, request, context):  # noqa: N802 - gRPC names it
        self.filters.append(request.filter)
        if request.parent not in self.known:
            raise NotFound("No.")
        return consents_pb2.ListConsentsResponse(consents=self.known[request.parent])


@pytest.fixture
def contacts(tmp_path):
    people, saying = People(), Saying()
    keys = make_keys(tmp_path, ("gateway", "contacts", "campaigns"))
    services = [
        (contacts_pb2_grpc.add_ContactServiceServicer_to_server, people),
        (consents_pb2_grpc.add_ConsentServiceServicer_to_server, saying),
    ]
    with serving(keys, "contacts", services) as served:
        peers = Peers(keys.signer("campaigns"), {"contacts": served.address})
        yield people, saying, Owner(peers)
        peers.close()


def test_the_owner_tells_of_who_is_not_known_yet_and_it_is_kept(contacts):
    people, saying, owner = contacts
    known, unknown = f"contacts/{new_id()}", f"contacts/{new_id()}"
    people.known[known] = contacts_pb2.Contact(
        name=known, etag='"4"', given_name="Ada", emails=[{"address": "ada@example.com"}]
    )
    consent = consents_pb2.Consent(
        name=f"{known}/consents/{new_id()}", purpose=PURPOSE, channel="EMAIL", state="GRANTED"
    )
    consent.capture_time.GetCurrentTime()
    consent.create_time.GetCurrentTime()
    saying.known[known] = [consent]

    told = owner.ask([known, unknown], PURPOSE)

    assert (told[known].obstacle, told[unknown].obstacle) == ("", "DELETED")
    assert told[known].address == "ada@example.com"
    assert told[known].data["givenName"] == "Ada"
    assert find_recipients([known], PURPOSE)[known] == told[known]
    assert set(people.callers) == {"services/campaigns"}
    assert f'purpose = "{PURPOSE}"' in saying.filters[0]


def test_an_owner_that_is_away_is_told_as_that(tmp_path):
    keys = make_keys(tmp_path, ("gateway", "campaigns"))
    peers = Peers(keys.signer("campaigns"), {"contacts": f"127.0.0.1:{free_ports(1)[0]}"})

    with pytest.raises(Unavailable):
        Owner(peers).ask([f"contacts/{new_id()}"], PURPOSE)
    peers.close()
