"""Timers fire when they are due, once, and never get lost."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Thread

import pytest
from crm.contacts.v1 import contacts_pb2
from mongoengine import StringField

from crm_chassis.kernel.clock import now
from crm_chassis.mongo import claiming, schedule
from crm_chassis.mongo.claiming import ClaimLost
from crm_chassis.mongo.connection import client
from crm_chassis.mongo.schedule import Timer
from crm_chassis.resources.document import Resource
from crm_chassis.resources.transaction import Transaction, as_call, in_transaction
from crm_chassis.telemetry.context import Call, call_scope, service_principal
from crm_chassis.working.timers import Timers

LATER = timedelta(hours=1)


class Contact(Resource):
    message = contacts_pb2.Contact
    meta = {"collection": "contacts"}

    given_name = StringField()


@pytest.fixture(autouse=True)
def call() -> Iterator[Call]:
    with call_scope(Call(service_principal("probe"), "request-1", "/probe", "probe")) as call:
        yield call


@pytest.fixture
def timers(database) -> Timers:
    def fire(tx: Transaction, timer: Timer) -> None:
        database["fired"].insert_one({"subject": timer.subject}, session=tx.session)
        if timer.payload.get("again"):
            schedule.schedule(tx, "remind", timer.subject, tx.now + LATER)
        if timer.payload.get("create"):
            tx.insert(Contact(given_name="Ada"))
        if timer.payload.get("fail"):
            raise ValueError("no luck")

    return Timers("probe", {"remind": fire})


def at(due, subject="cases/1", **payload):
    in_transaction(schedule.schedule, "remind", subject, due, payload)


def test_a_timer_fires_once_when_it_is_due(database, timers):
    at(now())
    at(now() + LATER, "cases/2")

    assert timers.fire_one()
    assert not timers.fire_one()

    assert [row["subject"] for row in database["fired"].find()] == ["cases/1"]
    assert [row["subject"] for row in database["timers"].find()] == ["cases/2"]


def test_a_fired_timer_leaves_a_receipt_of_what_it_announced(database, timers):
    at(now(), create=True)

    timers.fire_one()

    receipt = database["receipts"].find_one({"method": "timer/remind"})
    event = database["events"].find_one()
    assert [promised["id"] for promised in receipt["events"]] == [event["_id"]]
    assert (event["actor"], event["correlationid"]) == ("services/probe", "request-1")


def test_scheduling_again_moves_the_timer(database, timers):
    at(now())
    at(now() + LATER, note="moved")

    assert not timers.fire_one()

    assert database["timers"].find_one()["payload"] == {"note": "moved"}
    assert database["timers"].count_documents({}) == 1


def test_a_cancelled_timer_does_not_fire(database, timers):
    at(now())

    assert in_transaction(schedule.cancel, "remind", "cases/1")

    assert not timers.fire_one()
    assert not in_transaction(schedule.cancel, "remind", "cases/1")


def test_what_is_scheduled_in_a_transaction_that_fails_never_fires(database, timers):
    def schedule_and_fail(tx: Transaction) -> None:
        schedule.schedule(tx, "remind", "cases/1", tx.now)
        raise ValueError("no luck")

    with pytest.raises(ValueError, match="no luck"):
        in_transaction(schedule_and_fail)

    assert not timers.fire_one()


def test_a_timer_may_schedule_itself_again(database, timers):
    at(now(), again=True)

    timers.fire_one()

    assert database["timers"].find_one()["due"] > now()
    assert database["fired"].count_documents({}) == 1


def test_a_failing_timer_leaves_nothing_behind_and_waits_longer_each_time(database, timers):
    at(now(), fail=True)
    waits = []

    for _ in range(3):
        database["timers"].update_one({}, {"$set": {"ready": now()}})
        timers.fire_one()
        row = database["timers"].find_one()
        waits.append((row["ready"] - row["error_time"]).total_seconds())

    assert [round(wait) for wait in waits] == [1, 2, 4]
    assert (row["attempts"], row["error"]) == (3, "ValueError: no luck")
    assert database["fired"].count_documents({}) == 0


def test_the_timer_of_a_worker_that_died_fires_after_its_lease(database, timers):
    at(now())
    schedule.claim(["remind"])

    assert not timers.fire_one()
    database["timers"].update_one({}, {"$set": {"ready": now()}})

    assert timers.fire_one()
    assert database["fired"].count_documents({}) == 1


def test_a_worker_that_lost_its_claim_stores_nothing(database, timers, call):
    at(now())
    slow = schedule.claim(["remind"])
    database["timers"].update_one({}, {"$set": {"ready": now()}})
    timers.fire_one()

    with pytest.raises(ClaimLost):
        as_call(call, timers._effect, slow)

    assert database["fired"].count_documents({}) == 1


def test_a_timer_that_was_moved_while_it_was_claimed_fires_at_its_new_time(database, timers, call):
    at(now())
    claimed = schedule.claim(["remind"])
    at(now() + LATER)

    with pytest.raises(ClaimLost):
        as_call(call, timers._effect, claimed)

    assert database["timers"].find_one()["due"] > now()


def test_two_workers_never_fire_one_timer_twice(database, timers):
    subjects = [f"cases/{number}" for number in range(60)]
    for subject in subjects:
        at(now(), subject)

    def fire_all() -> None:
        while timers.fire_one():
            pass

    workers = [Thread(target=fire_all) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(row["subject"] for row in database["fired"].find()) == sorted(subjects)


def test_a_timer_that_a_dead_worker_still_holds_does_not_hold_up_the_others(
    database, timers, monkeypatch
):
    monkeypatch.setattr(claiming, "PATIENCE_MS", 2_000)
    at(now() - LATER, "cases/held")
    at(now(), "cases/2")

    with client().start_session() as session, session.start_transaction():
        database["timers"].delete_one({"subject": "cases/held"}, session=session)

        assert timers.fire_one()
        assert not timers.fire_one()
        session.abort_transaction()

    assert timers.fire_one()
    assert [row["subject"] for row in database["fired"].find()] == ["cases/2", "cases/held"]


def test_a_timer_that_this_worker_does_not_know_is_left_to_others(database, timers):
    in_transaction(schedule.schedule, "expire", "cases/1", now())

    assert not timers.fire_one()

    assert database["timers"].count_documents({}) == 1
