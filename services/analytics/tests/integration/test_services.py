"""What analytics answers over gRPC, asked like the gateway asks."""

from datetime import timedelta

import orjson
import pytest
from crm.analytics.v1 import timeline_pb2, timeline_pb2_grpc
from crm.api.v1 import customers_pb2, customers_pb2_grpc
from crm.contacts.v1 import contacts_pb2_grpc
from google.protobuf import json_format

from crm_analytics.api import services
from crm_analytics.testing import a_contact, an_event, an_interaction, happen
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Forbidden, NotFound, Unavailable
from crm_chassis.rpc.channels import Peers
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.grpc import make_keys, serving

START = now() - timedelta(days=1)


class Contacts(contacts_pb2_grpc.ContactServiceServicer):
    """A contacts service that has just made one contact."""

    def __init__(self):
        self.there = a_contact(etag='"1"')
        self.asked = 0

    def GetContact(self, request, context):  # noqa: N802 - gRPC names it so
        self.asked += 1
        if request.name != self.there.name:
            raise NotFound(f"There is no {request.name}.")
        return self.there


@pytest.fixture
def contacts():
    return Contacts()


@pytest.fixture
def analytics(tmp_path, contacts):
    keys = make_keys(tmp_path, ("gateway", "contacts", "analytics"))
    add = contacts_pb2_grpc.add_ContactServiceServicer_to_server
    with serving(keys, "contacts", [(add, contacts)]) as owner:
        peers = Peers(keys.signer("analytics"), {"contacts": owner.address})
        with serving(keys, "analytics", services(peers)) as served:
            yield served
        peers.close()


def timeline(analytics, customer, caller=None, **asked):
    stub = analytics.stub(timeline_pb2_grpc.TimelineServiceStub, caller)
    return stub.ListTimelineEntries(
        timeline_pb2.ListTimelineEntriesRequest(customer=customer, **asked)
    )


def sections(analytics, customer, caller=None, **asked):
    stub = analytics.stub(customers_pb2_grpc.CustomerServiceStub, caller)
    request = customers_pb2.GetCustomerSectionsRequest(
        service="analytics", customer=customer, **asked
    )
    return stub.GetCustomerSections(request).sections


def test_a_timeline_is_answered_by_pages(analytics):
    ann = a_contact()
    call = an_interaction(ann.name, subject="Offer")
    happen(an_event(ann, time=START), an_event(call, time=START + timedelta(minutes=1)))

    first = timeline(analytics, ann.name, page_size=1)
    second = timeline(analytics, ann.name, page_size=1, page_token=first.next_page_token)

    assert [entry.summary for entry in first.entries] == ["Offer"]
    assert [entry.subject for entry in second.entries] == [ann.name]
    assert second.next_page_token == ""


def test_the_section_timeline_is_the_first_page_of_the_timeline(analytics):
    ann = a_contact()
    happen(*(an_event(ann, sequence=n + 1, time=START + timedelta(seconds=n)) for n in range(101)))

    page = timeline(analytics, ann.name)
    section = sections(analytics, ann.name, sections=["timeline"])["timeline"]

    rendered = json_format.MessageToDict(page, always_print_fields_with_no_presence=True)
    told = orjson.loads(section.data)
    for entries in (rendered["entries"], told["entries"]):
        for entry in entries:
            entry["time"] = entry["time"].replace(".000Z", "Z")
    assert told == rendered
    assert section.as_of == page.entries[0].time
    assert timeline(analytics, ann.name, page_token=told["nextPageToken"]).entries


def test_a_customer_made_a_moment_ago_is_known_by_asking_its_owner_once(analytics, contacts):
    mate = a_principal("TEAM", teams=["teams/1"])
    contacts.there.teams.append("teams/1")

    assert list(timeline(analytics, contacts.there.name, mate).entries) == []
    assert set(sections(analytics, contacts.there.name, mate)) == {"insights", "timeline"}
    with pytest.raises(NotFound):
        timeline(analytics, contacts.there.name, a_principal("TEAM"))

    assert contacts.asked == 1


def test_a_customer_that_its_owner_does_not_know_is_not_found(analytics, contacts):
    with pytest.raises(NotFound):
        timeline(analytics, a_contact().name)
    with pytest.raises(NotFound):
        sections(analytics, a_contact().name)


def test_who_may_not_read_contacts_is_told_so(analytics):
    with pytest.raises(Forbidden):
        timeline(analytics, a_contact().name, a_principal(CREATE="ALL"))


def test_an_owner_that_is_down_is_named_as_the_reason(tmp_path):
    keys = make_keys(tmp_path, ("gateway", "analytics"))
    peers = Peers(keys.signer("analytics"), {"contacts": "127.0.0.1:9"})
    known = a_contact()
    happen(an_event(known))

    with serving(keys, "analytics", services(peers)) as analytics:
        assert len(timeline(analytics, known.name).entries) == 1
        with pytest.raises(Unavailable):
            timeline(analytics, a_contact().name)
    peers.close()


def test_analytics_has_nothing_to_find(analytics):
    stub = analytics.stub(customers_pb2_grpc.CustomerServiceStub)

    found = stub.SearchService(customers_pb2.SearchServiceRequest(service="analytics", query="a"))

    assert not found.results
