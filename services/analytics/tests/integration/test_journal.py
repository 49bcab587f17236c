"""The journal and what is learnt with it, on a real database."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from crm_analytics.insights.documents import engagements
from crm_analytics.journal.documents import journal
from crm_analytics.journal.queries import altered_events, journal_size
from crm_analytics.journal.reactions import take_up
from crm_analytics.testing import a_contact, an_event, an_interaction, an_organization, happen
from crm_chassis.events.envelope import Event
from crm_chassis.kernel.clock import MILLISECOND, now
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.resources.transaction import as_call
from crm_chassis.testing.calls import a_call

COLLECTIONS = ("journal", "known", "engagements")


def test_an_event_is_kept_as_it_came():
    contact = a_contact(external_ids={"erp": "4711"}, tags=["b", "a"])
    event = an_event(contact)

    happen(event)

    row = journal().find_one({"_id": event.id})
    assert Event.from_row(row) == event
    assert list(row["data"]) == list(event.data)
    assert now() - row["archived"] < timedelta(minutes=1)


def test_what_came_before_is_neither_kept_twice_nor_an_obstacle_to_what_is_new():
    first, second = an_event(a_contact()), an_event(a_contact())

    happen(first)
    happen(first, second, second)

    assert {row["_id"] for row in journal().find()} == {first.id, second.id}
    assert journal_size() == 2


def test_batches_that_overlap_at_the_same_moment_lose_nothing():
    events = [an_event(a_contact()) for _ in range(60)]
    batches = [random.sample(events, 40) for _ in range(6)] + [events]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda batch: as_call(a_call(), take_up, batch), batches))

    assert {row["_id"] for row in journal().find()} == {event.id for event in events}
    assert journal().count_documents({}) == 60
    assert service_database()["known"].count_documents({}) == 60


def a_history():
    """A contact, its organization and two interactions, each with some versions."""
    start = now() - timedelta(hours=1)
    acme = an_organization()
    ann = a_contact(positions=[{"organization": acme.name}])
    calls = [an_interaction(ann.name, occur_time=start) for _ in range(2)]
    resources = [ann, acme, *calls]
    history = [an_event(each, time=start) for each in resources]
    for version in range(2, 5):
        time = start + version * MILLISECOND
        ann.display_name, acme.display_name = f"Ann {version}", f"Acme {version}"
        calls[0].subject = f"Call {version}"
        history += [
            an_event(each, "updated", sequence=version, time=time) for each in (ann, acme, calls[0])
        ]
    history.append(an_event(calls[1], "deleted", sequence=2, time=start, deleted=True))
    return history


HISTORY = a_history()


def everything():
    rows = {
        name: sorted(service_database()[name].find({}, {"archived": 0}), key=lambda row: row["_id"])
        for name in COLLECTIONS
    }
    for name in COLLECTIONS:
        service_database()[name].delete_many({})
    return rows


@given(
    deliveries=st.permutations(HISTORY * 2),
    cuts=st.lists(st.integers(1, len(HISTORY) * 2 - 1), unique=True, max_size=6),
)
def test_the_order_and_number_of_deliveries_make_no_difference(deliveries, cuts):
    happen(*HISTORY)
    in_order = everything()

    bounds = [0, *sorted(cuts), len(deliveries)]
    for start, end in pairwise(bounds):
        happen(*deliveries[start:end])

    assert everything() == in_order


def test_a_late_event_changes_nothing_that_is_newer():
    ann = a_contact(display_name="New")
    call = an_interaction(ann.name)
    newer = [
        an_event(ann, "updated", sequence=3),
        an_event(call, "deleted", sequence=2, deleted=True),
    ]
    ann.display_name = "Old"

    happen(*newer)
    happen(an_event(ann, "updated", sequence=2), an_event(call))

    assert service_database()["known"].find_one({"_id": ann.name})["display_name"] == "New"
    assert engagements().find_one({"_id": call.name})["deleted"]
    assert journal_size() == 4


def test_an_event_that_was_tampered_with_is_found():
    start = now()
    events = [an_event(a_contact(display_name=f"Ännchen {n}")) for n in range(3)]
    happen(*events)
    journal().update_one({"_id": events[1].id}, {"$set": {"data.displayName": "Eve"}})
    journal().update_one({"_id": events[2].id}, {"$set": {"data.displayName": "", "salt": ""}})

    altered = list(altered_events(start, now() + MILLISECOND))

    assert altered == [events[1].id]
