"""Every committed event is published, in order per resource, whatever happens to relays."""

import time
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

from prometheus_client import REGISTRY

from crm_chassis.events.envelope import Event
from crm_chassis.kernel.clock import now
from crm_chassis.mongo import outbox
from crm_chassis.testing.messages import an_event, commit, in_parts, versions
from crm_chassis.testing.waiting import PATIENCE, wait_until

# How often what has to be quick is tried.
TIMES = 5
AGE = "crm_outbox_oldest_pending_age_seconds"


def pending(database) -> int:
    return database["events"].count_documents({"pending": True})


def first_sights(events: list[Event]) -> dict[str, list[int]]:
    """The versions of each resource in the order in which each was first seen."""
    seen: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if event.sequence not in seen[event.subject]:
            seen[event.subject].append(event.sequence)
    return seen


def test_what_was_committed_before_the_relay_began_is_published_as_it_is(log, broker, start_relay):
    queue, event = broker.queue(), an_event()
    commit(log, event)

    start_relay()

    assert broker.take(queue, 1) == [event]
    row = wait_until(lambda: log["events"].find_one({"published": {"$exists": True}}))
    assert "pending" not in row


def test_a_message_says_what_it_is_without_being_opened(log, broker, start_relay):
    queue, event = broker.queue(), an_event()
    commit(log, event)
    start_relay()

    wait_until(lambda: broker.ready(queue))

    (properties, redelivered, _body), *others = broker.messages(queue)
    assert not others
    assert not redelivered
    assert properties.message_id == event.id
    assert properties.type == event.type
    assert properties.content_type == "application/cloudevents+json"
    assert properties.delivery_mode == 2


def test_an_event_of_a_quiet_service_is_published_at_once(log, broker, start_relay):
    queue = broker.queue()
    relay = start_relay().ready()
    waits = []

    for _ in range(TIMES):
        begun = time.monotonic()
        commit(log, an_event())
        broker.take(queue, 1)
        waits.append(time.monotonic() - begun)
        wait_until(lambda: pending(log) == 0)

    # A busy machine may be late now and then, but not each time.
    assert min(waits) < 2
    wait_until(lambda: relay.metric("crm_outbox_published_total") == TIMES)


def test_the_age_of_what_waits_is_told_without_a_relay(log):
    outbox.watch_oldest("quiet")
    assert REGISTRY.get_sample_value(AGE, {"service": "quiet"}) == 0

    commit(log, replace(an_event(), time=now() - timedelta(minutes=5)), an_event())

    assert REGISTRY.get_sample_value(AGE, {"service": "quiet"}) >= 300


def test_two_relays_share_the_buckets_and_keep_the_order(log, broker, start_relay, scale):
    queue = broker.queue()
    # With a short lease a relay that has to wait for the machine would send some once more.
    relays = [start_relay(lease=10).ready(), start_relay(lease=10).ready()]
    wait_until(lambda: len(holders(log)) == 2, what="two holders of buckets")
    events = versions(subjects=100, each=int(10 * scale))

    for part in in_parts(events, 250):
        commit(log, *part)

    received = broker.take(queue, len(events), timeout=PATIENCE * scale)
    assert len(received) == len(events)
    for sequence in first_sights(received).values():
        assert sequence == sorted(sequence)
    assert all(relay.metric("crm_outbox_published_total") > 0 for relay in relays)


def test_nothing_is_lost_and_the_order_holds_when_relays_are_killed(
    log, broker, start_relay, scale
):
    queue = broker.queue()
    rounds = 3 * int(scale)
    events = versions(subjects=300, each=5 * rounds)
    in_the_middle = 0

    for part in in_parts(events, len(events) // rounds):
        relays = [start_relay(lease=1), start_relay(lease=1)]
        published = broker.ready(queue)
        commit(log, *part)
        wait_until(lambda so_far=published: broker.ready(queue) >= so_far + 100)
        for relay in relays:
            relay.kill()
        in_the_middle += pending(log) > 0
    start_relay(lease=1)
    wait_until(lambda: pending(log) == 0, PATIENCE * scale)

    received = broker.take(queue, len(events), timeout=PATIENCE * scale)
    assert in_the_middle
    assert {event.id for event in received} == {event.id for event in events}
    for sequence in first_sights(received).values():
        assert sequence == sorted(sequence)


def test_a_killed_relay_is_succeeded_at_once(log, broker, start_relay):
    queue = broker.queue()
    lease = 10 * PATIENCE  # nobody could wait for its end
    relay = start_relay(lease).ready()
    commit(log, an_event())
    broker.take(queue, 1)

    relay.kill()
    commit(log, an_event())
    start_relay(lease)

    assert broker.take(queue, 1)


def test_a_relay_that_is_asked_to_stop_leaves_nothing_half_done(log, broker, start_relay):
    queue = broker.queue()
    relay = start_relay().ready()
    events = versions(subjects=400, each=10)
    commit(log, *events)
    wait_until(lambda: broker.ready(queue) > 100)

    assert relay.stop() == 0

    published = log["events"].count_documents({"published": {"$exists": True}})
    assert broker.ready(queue) == published
    assert not [row for row in log["leases"].find() if row.get("owner")]


def test_an_event_committed_late_is_not_overtaken_by_its_successor(log, broker, start_relay):
    queue = broker.queue()
    start_relay().ready()
    first, second = an_event("contacts/late", 1), an_event("contacts/late", 2)
    commit(log, *versions(subjects=20, each=1))
    broker.take(queue, 20)

    commit(log, first)
    commit(log, second)

    assert broker.take(queue, 2) == [first, second]


def holders(database) -> set[str]:
    buckets = database["leases"].find({"_id": {"$regex": "^relay/[0-9]+$"}, "owner": {"$ne": ""}})
    return {row["owner"] for row in buckets}


def read(since=None, at_once=100):
    reading = outbox.Reading(range(outbox.BUCKETS), (), 100, since)
    found, more = [], True
    while more:
        rows, more = reading.next(at_once)
        found += [row["_id"] for row in rows]
    reading.close()
    return found


def test_a_reading_of_recent_events_leaves_out_whoever_would_overtake_an_older_one(log):
    since = now() - timedelta(seconds=5)
    late = an_event("contacts/late", 1, time=since - timedelta(seconds=1))
    second, third = an_event("contacts/late", 2), an_event("contacts/late", 3)
    published, latest = an_event("contacts/known", 1, time=late.time), an_event("contacts/known", 4)
    commit(log, late, second, third, published, latest)
    outbox.mark_published([published.id])

    for at_once in (1, 2, 100):
        assert read(at_once=at_once) == [late.id, second.id, third.id, latest.id]
        assert read(since, at_once) == [latest.id]
    assert outbox.is_any_pending(since)

    outbox.mark_published([late.id])

    assert read(since, 1) == [second.id, third.id, latest.id]


def test_what_is_committed_long_after_its_time_is_published_before_its_successor(
    log, broker, start_relay
):
    queue, first = broker.queue(), an_event()
    start_relay().ready()
    commit(log, first)
    assert broker.take(queue, 1) == [first]

    late = an_event("contacts/late", 1, time=now() - timedelta(minutes=1))
    successor = an_event("contacts/late", 2)
    commit(log, late, successor)

    assert broker.take(queue, 2) == [late, successor]
