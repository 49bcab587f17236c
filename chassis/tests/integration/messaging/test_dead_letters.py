"""A failing event is never dropped: it walks the tiers, is kept, and comes back when asked."""

import json
import time
from dataclasses import replace

import pytest

from crm_chassis.kernel.clock import now, parse_rfc3339
from crm_chassis.kernel.errors import Invalid, NotAllowed, NotFound
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo import dead_letters
from crm_chassis.telemetry.context import Call, call_scope, service_principal
from crm_chassis.testing.messages import an_event
from crm_chassis.testing.waiting import wait_until

# How much later than its tiers say an event may come back on a busy machine.
SLACK = 60.0


@pytest.fixture(autouse=True)
def call():
    with call_scope(Call(service_principal("probe"), "request-1", "/probe")) as call:
        yield call


def a_letter(number: int = 1, body: bytes = b"{}") -> dead_letters.Letter:
    moment = parse_rfc3339(f"2026-05-03T12:00:{number % 60:02}.000Z")
    return dead_letters.Letter(
        "analytics", "analytics.journal", new_id(), "ValueError", moment, moment, 6, body, {}
    )


def only_row(database):
    return wait_until(lambda: database["dead_letters"].find_one({}), what="a dead letter")


def test_a_poisonous_event_walks_all_tiers_and_becomes_a_dead_letter(log, broker, consumer):
    tiers = (0.2, 0.4, 0.6, 0.8, 1.0)
    process = consumer.start(tiers=",".join(map(str, tiers))).ready()
    poison, neighbour = an_event(), an_event()
    log["obstacles"].insert_one({"_id": poison.id})

    begun = time.monotonic()
    broker.publish(poison, neighbour)
    row = only_row(log)

    assert sum(tiers) <= time.monotonic() - begun < sum(tiers) + SLACK
    assert row["_id"].startswith(f"{consumer.service}.")
    assert row["service"] == consumer.service
    assert row["queue"] == consumer.queue
    assert row["attempts"] == len(tiers) + 1
    assert row["reason"] == "ValueError"
    assert row["type"] == poison.type
    assert row["customers"] == [poison.subject]
    assert row["state"] == "DEAD"
    passed = (row["last_time"] - row["first_time"]).total_seconds()
    assert sum(tiers) <= passed < sum(tiers) + SLACK
    assert b"somebody@example.com" not in b"".join(
        str(value).encode() for name, value in row.items() if name != "body"
    )
    assert [one["event"] for one in log["effects"].find()] == [neighbour.id]
    assert process.metric("crm_event_handled_total", outcome="retry") == len(tiers)
    wait_until(lambda: process.metric("crm_event_handled_total", outcome="dead") == 1)
    wait_until(lambda: process.metric("crm_dlq_messages", queue=consumer.queue) == 1)
    assert process.metric("crm_dlq_oldest_age_seconds", queue=consumer.queue) > 0
    lines = map(json.loads, process.log.read_text(encoding="utf-8").splitlines())
    failed = [line for line in lines if line["event"] == "event failed"]
    assert len(failed) == row["attempts"]
    assert {line["trace_id"] for line in failed} == {poison.traceparent[3:35]}
    assert {line["request_id"] for line in failed} == {poison.id}
    assert {line["principal"] for line in failed} == {f"services/{consumer.service}"}


def test_that_no_letter_waits_is_told_from_the_start(log, consumer):
    process = consumer.start().ready()

    told = process.answer("/metrics")[1]

    for name in ("crm_dlq_messages", "crm_dlq_oldest_age_seconds", "crm_parking_messages"):
        assert f'{name}{{queue="{consumer.queue}"}} 0.0' in told
    assert f'crm_consumer_inflight{{consumer="{consumer.queue}"}} 0.0' in told


def test_a_replayed_letter_takes_effect_once_however_often_that_is_asked(log, broker, consumer):
    process = consumer.start(tiers="0.05").ready()
    event = an_event()
    log["obstacles"].insert_one({"_id": event.id})
    broker.publish(event)
    letter = only_row(log)["_id"]

    log["obstacles"].delete_many({})
    assert dead_letters.replay(letter)["state"] == "REPLAYED"
    wait_until(lambda: log["effects"].count_documents({}) == 1)
    dead_letters.replay(letter)

    told = {"consumer": consumer.queue, "outcome": "duplicate"}
    wait_until(lambda: process.metric("crm_event_handled_total", **told) == 1)
    assert log["effects"].count_documents({}) == 1
    assert dead_letters.get_dead_letter(letter)["state"] == "REPLAYED"


def test_a_letter_that_fails_again_is_the_same_row_and_counts_on(log, broker, consumer):
    consumer.start(tiers="0.05").ready()
    event = an_event()
    log["obstacles"].insert_one({"_id": event.id})
    broker.publish(event)
    first = only_row(log)

    dead_letters.replay(first["_id"])
    wait_until(lambda: dead_letters.get_dead_letter(first["_id"])["attempts"] == 4)

    (row,) = log["dead_letters"].find()
    assert row["state"] == "DEAD"
    assert row["first_time"] == first["first_time"]
    assert row["last_time"] > first["last_time"]


def test_a_letter_whose_queue_is_not_there_is_dead_again_when_it_was_replayed(
    log, broker, consumer
):
    consumer.start().ready()
    broker.send("", consumer.dead_letters, b"straight to the dead letters")
    letter = only_row(log)["_id"]

    dead_letters.replay(letter)
    wait_until(lambda: dead_letters.get_dead_letter(letter)["state"] == "DEAD")

    row = dead_letters.get_dead_letter(letter)
    assert (row["queue"], row["reason"]) == ("", "NO_QUEUE")
    assert row["body"] == b"straight to the dead letters"
    assert list(dead_letters.letters_to_resend()) == []


def test_a_letter_is_stored_once_however_often_it_comes(log):
    letter = a_letter()

    dead_letters.store(letter)
    dead_letters.store(letter)

    (row,) = log["dead_letters"].find()
    assert row["attempts"] == 6
    assert row["_id"] == letter.id


def test_who_asks_again_while_a_letter_is_being_sent_has_it_sent_again(log):
    letter = a_letter()
    dead_letters.store(letter)
    dead_letters.replay(letter.id)
    (sent,) = dead_letters.letters_to_resend()

    dead_letters.store(replace(letter, last_time=now()))
    dead_letters.replay(letter.id)
    dead_letters.mark_resent(sent)
    (again,) = dead_letters.letters_to_resend()
    dead_letters.mark_resent(again)

    assert again["_id"] == letter.id
    assert list(dead_letters.letters_to_resend()) == []


def test_a_long_body_is_kept_whole(log):
    body = bytes(range(256)) * 80_000
    letter = a_letter(body=body)

    dead_letters.store(letter)
    dead_letters.store(letter)

    assert dead_letters.get_dead_letter(letter.id)["body"] == body
    ((row,), token) = dead_letters.list_dead_letters()
    assert row["body"] == b""
    assert token == ""


def test_a_letter_can_be_parked_and_discarded(log):
    first, second = a_letter(1), a_letter(2)
    dead_letters.store(first)
    dead_letters.store(second)

    assert dead_letters.park(first.id)["state"] == "PARKED"
    assert dead_letters.park(first.id)["state"] == "PARKED"
    assert dead_letters.discard(second.id)["state"] == "DISCARDED"
    assert dead_letters.replay(first.id)["state_by"] == "services/probe"

    with pytest.raises(NotAllowed) as refused:
        dead_letters.replay(second.id)
    assert refused.value.reason == "IS_DISCARDED"
    with pytest.raises(NotAllowed):
        dead_letters.park(first.id)
    with pytest.raises(NotFound):
        dead_letters.park(f"analytics.{new_id()}")


def test_pages_of_letters_miss_and_repeat_nothing(log):
    letters = [a_letter(number) for number in range(10)] + [a_letter(3), a_letter(3)]
    for letter in letters:
        dead_letters.store(letter)

    rows, token = dead_letters.list_dead_letters(5)
    while token:
        more, token = dead_letters.list_dead_letters(5, token)
        rows += more

    assert [row["_id"] for row in rows] == [
        letter.id for letter in sorted(letters, key=lambda one: (one.last_time, one.id))[::-1]
    ]
    with pytest.raises(Invalid):
        dead_letters.list_dead_letters(5, "nonsense")


def test_a_page_ends_where_its_bodies_get_long(log):
    for number in range(8):
        dead_letters.store(a_letter(number, b"x" * 900_000))

    rows, token = dead_letters.list_dead_letters(50)

    assert len(rows) == 3
    assert token
