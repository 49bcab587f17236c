"""A relay or consumer may be killed at any point between a commit and its effect elsewhere."""

import signal
from collections import defaultdict
from contextlib import contextmanager
from functools import partial

import pytest
from pymongo import MongoClient

from crm_chassis.mongo import indexes
from crm_chassis.testing.messages import commit, versions
from crm_chassis.testing.mongo import start_mongod
from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.waiting import wait_until

RELAY, REACTIONS = "crm_chassis.relay", "crm_chassis.consuming.reactions"
RELAY_POINTS = {
    "leases taken": f"1 after {RELAY}.buckets:Buckets.refresh",
    "read, and not yet sent": f"40 before {RELAY}.publisher:Publisher._publish",
    "sent, and not yet confirmed": f"3 after {RELAY}.publisher:Publisher._flush",
    "confirmed, and not yet noticed": f"1 before {RELAY}.publisher:Publisher._told",
    "noticed, and not yet marked": "1 before crm_chassis.mongo.outbox:mark_published",
    "marked": "1 after crm_chassis.mongo.outbox:mark_published",
}
CONSUMER_POINTS = {
    "delivered": f"3 before {REACTIONS}:Reactions._take",
    "in the inbox": "3 after crm_chassis.mongo.inbox:take",
    "effective, and not yet committed": f"3 after {REACTIONS}:Reactions._in_transaction",
    "committed, and not yet acknowledged": f"3 before {REACTIONS}:acknowledge_all",
    "acknowledged": f"3 after {REACTIONS}:acknowledge_all",
}


class Trap:
    """Where the next process dies."""

    point = ""

    @contextmanager
    def at(self, point):
        self.point = point
        yield
        self.point = ""


@pytest.fixture
def trap():
    return Trap()


@pytest.fixture
def started(started, trap):
    """Starts processes, while there is a trap so that they run into it."""

    def start(command, address):
        into = ["-m", "crm_chassis.testing.dying", trap.point] if trap.point else []
        return started([*into, *command], address)

    return start


@pytest.fixture(scope="module")
def impatient_mongod(tmp_path_factory):
    """A mongod that soon gives up what a killed process had begun."""
    mongod = start_mongod(tmp_path_factory.mktemp("mongod"), free_ports(1)[0])
    with MongoClient(mongod.uri) as client:
        client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=2)
    yield mongod
    mongod.stop()


@pytest.fixture
def own_database(impatient_mongod, database):
    with MongoClient(impatient_mongod.uri) as client:
        own = client[database.name]
        indexes.create(own)
        own.create_collection("effects")
        yield own


@pytest.fixture
def start_consumer(consumer, own_database, impatient_mongod):
    return partial(consumer.start, "Batches", mongo=impatient_mongod.uri)


def wait_for_death(process):
    wait_until(lambda: process.running.poll() is not None, what="its death")
    assert process.running.returncode == -signal.SIGKILL


@pytest.mark.parametrize("point", RELAY_POINTS.values(), ids=RELAY_POINTS.keys())
def test_a_relay_killed_at_any_point_loses_nothing_and_keeps_the_order(
    log, broker, start_relay, trap, point
):
    queue = broker.queue()
    events = versions(subjects=30, each=6)
    commit(log, *events)

    with trap.at(point):
        victim = start_relay()
    wait_for_death(victim)
    start_relay()

    wait_until(lambda: not log["events"].count_documents({"pending": True}))
    received = broker.take(queue, len(events))
    first_seen = defaultdict(list)
    for event in received:
        if event.sequence not in first_seen[event.subject]:
            first_seen[event.subject].append(event.sequence)
    assert {event.id for event in received} == {event.id for event in events}
    assert all(sequence == [1, 2, 3, 4, 5, 6] for sequence in first_seen.values())


@pytest.mark.parametrize("point", CONSUMER_POINTS.values(), ids=CONSUMER_POINTS.keys())
def test_a_consumer_killed_at_any_point_takes_each_event_once(
    own_database, broker, start_consumer, trap, point
):
    events = versions(subjects=20, each=6)
    with trap.at(point):
        victim = start_consumer().ready()
    broker.publish(*events)
    wait_for_death(victim)
    so_far = own_database["effects"].count_documents({})

    second = start_consumer()

    effects = own_database["effects"]
    wait_until(lambda: effects.count_documents({}) >= len(events), what="all effects")
    assert so_far < len(events)
    second.stop()
    taken = [row["event"] for row in effects.find()]
    assert sorted(taken) == sorted(event.id for event in events)
