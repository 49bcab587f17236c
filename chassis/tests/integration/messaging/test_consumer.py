"""Published events take effect once: what fails waits, a stop finishes, a kill loses nothing."""

import signal
import time
from dataclasses import replace

import pytest

from crm_chassis.events.envelope import to_cloudevent
from crm_chassis.kernel.ids import new_id
from crm_chassis.testing.messages import Broker, an_event, versions
from crm_chassis.testing.waiting import PATIENCE, wait_until


def effects(database, **condition) -> list[tuple[str, int]]:
    """What took effect, in the order in which it did."""
    rows = database["effects"].find(condition).sort("_id", 1)
    return [(row["subject"], row["sequence"]) for row in rows]


def expect_effects(database, count: int, timeout: float = PATIENCE) -> None:
    wait_until(
        lambda: database["effects"].count_documents({}) >= count, timeout, what=f"{count} effects"
    )


def all_once(database, events) -> bool:
    """Whether each of the events took effect, none twice."""
    rows = [row["event"] for row in database["effects"].find()]
    return sorted(rows) == sorted(event.id for event in events)


def test_a_reaction_is_the_services_own_and_knows_its_cause(log, broker, consumer):
    process = consumer.start().ready()
    event, begun = an_event(), time.time()

    broker.publish(event)
    expect_effects(log, 1)

    row = log["effects"].find_one()
    assert row["principal"] == f"services/{consumer.service}"
    assert row["causation_id"] == event.id
    assert row["correlation_id"] == event.correlationid
    assert row["traceparent"][3:35] == event.traceparent[3:35]
    assert log["inbox"].find_one()["_id"] == f"{consumer.queue} {event.id}"
    handled = {"consumer": consumer.queue, "event_type": event.type, "outcome": "ok"}
    wait_until(lambda: process.metric("crm_event_handled_total", **handled) == 1)
    own = {"consumer": consumer.queue}
    wait_until(lambda: process.metric("crm_event_end_to_end_seconds_count", **own) == 1)
    last = "crm_consumer_last_progress_timestamp_seconds"
    wait_until(lambda: begun <= process.metric(last, **own) <= time.time())


def test_an_event_that_comes_many_times_takes_effect_once(log, broker, consumer):
    first, second = consumer.start().ready(), consumer.start().ready()
    event = an_event()

    broker.publish(*[event] * 50)

    queue = consumer.queue

    def handled(outcome: str) -> float:
        told = {"consumer": queue, "outcome": outcome}
        return sum(one.metric("crm_event_handled_total", **told) for one in (first, second))

    wait_until(lambda: handled("ok") + handled("duplicate") == 50)
    assert handled("ok") == 1
    assert all_once(log, [event])


def test_each_takes_older_events_and_latest_leaves_them_out(log, broker, consumer):
    newer, older = an_event("contacts/1", 7), an_event("contacts/1", 3)
    other = an_event("contacts/2", 1)
    process = consumer.start("Latest").ready()

    broker.publish(newer)
    expect_effects(log, 1)
    broker.publish(older, other)
    expect_effects(log, 2)

    assert effects(log) == [("contacts/1", 7), ("contacts/2", 1)]
    assert process.stop() == 0
    log["effects"].delete_many({})
    log["inbox"].delete_many({})
    consumer.start("Single").ready()
    broker.publish(newer, older)
    expect_effects(log, 2)
    assert effects(log) == [("contacts/1", 7), ("contacts/1", 3)]


def test_a_batch_is_one_transaction_in_the_order_of_the_queue(log, broker, consumer):
    consumer.start("Batches").ready().stop()
    events = versions(subjects=5, each=40)

    broker.publish(*events)
    consumer.start("Batches")
    expect_effects(log, len(events))

    assert effects(log) == [(event.subject, event.sequence) for event in events]
    assert max(row["batch"] for row in log["effects"].find()) == 20


def test_a_few_events_do_not_wait_for_a_full_batch(log, broker, consumer):
    consumer.start("Batches").ready()

    broker.publish(an_event(), an_event())

    expect_effects(log, 2)


def test_events_that_come_one_by_one_soon_after_each_other_are_taken_together(
    log, broker, consumer
):
    consumer.start("Batches").ready()

    for _ in range(12):
        broker.publish(an_event())
        time.sleep(0.05)
    expect_effects(log, 12)

    assert sum(1 / row["batch"] for row in log["effects"].find()) <= 6


def test_of_a_batch_with_a_bad_event_only_that_one_waits(log, broker, consumer):
    consumer.start("Batches").ready().stop()
    events = versions(subjects=20, each=1)
    bad = events[7]
    log["obstacles"].insert_one({"_id": bad.id})

    broker.publish(*events)
    consumer.start("Batches", tiers=",".join(["1"] * 60))
    expect_effects(log, len(events) - 1)

    assert (bad.subject, 1) not in effects(log)
    log["obstacles"].delete_many({})
    expect_effects(log, len(events))
    assert all_once(log, events)


def test_events_that_fail_for_a_while_succeed_without_help(log, broker, consumer):
    process = consumer.start(tiers=",".join(["0.2"] * 300)).ready()
    event, neighbour = an_event(), an_event()
    log["obstacles"].insert_one({"_id": event.id})

    broker.publish(event, neighbour)
    expect_effects(log, 1)
    log["obstacles"].delete_many({})

    expect_effects(log, 2)
    assert all_once(log, [event, neighbour])
    assert process.metric("crm_event_handled_total", outcome="retry") >= 1
    assert log["dead_letters"].count_documents({}) == 0


def test_what_cannot_be_decoded_is_kept_byte_for_byte(log, broker, consumer):
    consumer.start().ready()
    bodies = [
        b"\x00\xff{",
        b"",
        b"\xc3\x28" * 3,
        b'{"specversion": "1.0"}',
        to_cloudevent(an_event()).replace(
            b'"time":"', b'"time":"0001-01-01T00:00:00+01:00","was":"'
        ),
        b"x" * 5_000_000,
    ]

    for body in bodies:
        broker.send("", consumer.queue, body, content_encoding="utf-8", message_id=new_id())
    broker.send("", consumer.queue, b"no gzip", headers={"compression": "gzip"}, content_type="x/y")
    broker.publish(an_event())

    expect_effects(log, 1)
    wait_until(lambda: log["dead_letters"].count_documents({}) == len(bodies) + 1)
    rows = list(log["dead_letters"].find())
    assert sorted(row["body"] for row in rows) == sorted([*bodies, b"no gzip"])
    assert {row["reason"] for row in rows} == {"UNDECODABLE"}
    assert {row["attempts"] for row in rows} == {1}
    assert {row["queue"] for row in rows} == {consumer.queue}
    assert {row["content_type"] for row in rows} == {"application/cloudevents+json", "x/y"}
    assert broker.ready(consumer.dead_letters) == 0


def test_properties_that_cannot_be_read_are_passed_over(log, broker, consumer):
    process = consumer.start().ready()
    event, neighbour = an_event(), an_event()

    broker.send("", consumer.queue, b"no event", content_type=b"\xff\xfe")
    broker.send("", consumer.queue, to_cloudevent(event), message_id=b"\xff")
    broker.send("", consumer.dead_letters, b"a dead letter", content_encoding=b"\xff")
    broker.publish(neighbour)

    expect_effects(log, 2)
    assert all_once(log, [event, neighbour])
    wait_until(lambda: log["dead_letters"].count_documents({}) == 2)
    assert {row["body"] for row in log["dead_letters"].find()} == {b"no event", b"a dead letter"}
    assert process.running.poll() is None


def test_an_unknown_type_is_passed_on_to_those_who_need_no_resource(log, broker, consumer):
    consumer.start("Journal").ready()
    event = an_event(type="crm.contacts.contact.teleported.v9")

    broker.publish(event, event)

    row = wait_until(lambda: log["journal"].find_one({}))
    assert row["type"] == event.type
    assert log["inbox"].count_documents({}) == 0


def test_an_unknown_type_is_a_dead_letter_at_once_where_its_resource_is_needed(
    log, broker, consumer
):
    consumer.start("Resources", tiers="30").ready()
    event = an_event(type="crm.contacts.contact.teleported.v9")

    broker.publish(event)

    row = wait_until(lambda: log["dead_letters"].find_one({}))
    assert row["type"] == event.type
    assert row["reason"] == "UNDECODABLE"


@pytest.mark.parametrize("kind", ["Single", "Batches", "Journal"])
def test_a_stop_finishes_what_was_taken_and_hands_nothing_back(log, broker, consumer, kind):
    queue = f"{consumer.service}.journal" if kind == "Journal" else consumer.queue
    rows = log["journal" if kind == "Journal" else "effects"]
    consumer.start(kind).ready().stop()
    events = [an_event(data={"slow": 0.5 if kind == "Journal" else 0.02}) for _ in range(600)]
    broker.publish(*events)
    process = consumer.start(kind)
    wait_until(lambda: rows.count_documents({}) >= 20)

    assert process.stop() == 0

    done = rows.count_documents({})
    left = broker.messages(queue)
    assert done < len(events)
    assert done + len(left) == len(events)
    assert not any(redelivered for _, redelivered, _ in left)


def test_nothing_is_lost_and_nothing_done_twice_when_consumers_are_killed(
    log, broker, consumer, scale
):
    # Slow enough that it is killed before all is done.
    events = [
        replace(event, data={**event.data, "slow": 0.005})
        for event in versions(subjects=40, each=int(15 * scale))
    ]
    consumer.start("Batches").ready().stop()
    broker.publish(*events)
    kills = 0

    while log["effects"].count_documents({}) < len(events):
        done = log["effects"].count_documents({})
        process = consumer.start("Batches")
        enough = min(done + 200, len(events))
        expect_effects(log, enough)
        process.running.send_signal(signal.SIGKILL)
        process.running.wait()
        kills += 1

    assert kills > 1
    assert all_once(log, events)


def test_an_event_that_ends_its_process_each_time_is_given_up_in_the_end(log, broker, consumer):
    deadly, harmless = an_event(data={"deadly": True}), an_event()
    consumer.start(limit=2).ready().stop()
    broker.publish(deadly, harmless)

    for _ in range(3):
        assert consumer.start(limit=2).running.wait(PATIENCE) == -signal.SIGKILL
    consumer.start(limit=2)

    expect_effects(log, 1)
    row = wait_until(lambda: log["dead_letters"].find_one({"queue": consumer.queue}))
    assert row["reason"] == "DELIVERY_LIMIT"
    assert row["attempts"] == 3
    assert row["_id"].startswith(consumer.service)
    assert effects(log) == [(harmless.subject, 1)]


def test_a_broker_that_is_killed_is_found_again(log, consumer, node):
    process = consumer.start(rabbit=node[0].uri).ready()
    before, after = an_event(), an_event()
    Broker(node[0].uri).publish(before)
    expect_effects(log, 1)

    node[0].kill()
    wait_until(lambda: not process.is_ready())
    assert process.answer("/livez")[0] == 200
    node[0] = node[0].start_again()
    process.ready()
    Broker(node[0].uri).publish(after)

    expect_effects(log, 2)
    assert all_once(log, [before, after])


def test_a_database_that_is_away_burns_no_attempt(own_log, broker, consumer):
    log = own_log[0].database
    process = consumer.start("Batches", mongo=own_log[0].uri).ready()
    events = versions(subjects=30, each=10)

    own_log[0].kill()
    broker.publish(*events)
    wait_until(lambda: "mongodb" in process.answer("/readyz")[1] and not process.is_ready())
    own_log[0] = own_log[0].start_again()

    expect_effects(log, len(events))
    assert all_once(log, events)
    assert process.metric("crm_event_handled_total", outcome="retry") == 0
    assert process.metric("crm_event_handled_total", outcome="dead") == 0


def test_a_process_without_its_broker_or_database_waits_and_can_be_stopped(consumer):
    process = consumer.start(rabbit="amqp://nobody:nothing@127.0.0.1:1/")
    wait_until(lambda: process.answer("/readyz")[0] == 503)
    wait_until(lambda: '"event": "waiting"' in process.log.read_text())

    assert process.stop() == 0
