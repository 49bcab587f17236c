"""The consumer process, with a real broker."""

import subprocess
import sys

import pytest
from crm.analytics.v1 import dead_letters_pb2, dead_letters_pb2_grpc
from pika.exceptions import ChannelClosedByBroker

from crm_analytics.api import services
from crm_analytics.journal.documents import journal
from crm_analytics.testing import a_contact, an_event, an_interaction
from crm_chassis.events.topology import EXCHANGE
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.rpc.channels import Peers
from crm_chassis.testing.grpc import make_keys, serving
from crm_chassis.testing.messages import Broker, Process
from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.processes import start_process, stop_process
from crm_chassis.testing.waiting import wait_until

QUEUE = "analytics.anything-happened"


@pytest.fixture
def broker(rabbit_uri):
    broker = Broker(rabbit_uri)
    broker.made |= {QUEUE, "analytics.dlq"}
    yield broker
    broker.close()


def consumers(broker):
    """How many take from the queue; it is there and bound when one does."""
    channel = broker.channel.connection.channel()
    try:
        return channel.queue_declare(QUEUE, passive=True).method.consumer_count
    except ChannelClosedByBroker:
        return 0


@pytest.fixture
def start(database, mongo_uri, rabbit_uri, broker, tmp_path):
    """Starts the consumer of the test's database."""
    running = []

    def begin():
        address = f"127.0.0.1:{free_ports(1)[0]}"
        told = {
            "CRM_ANALYTICS_MONGODB_URI": mongo_uri,
            "CRM_ANALYTICS_MONGODB_DATABASE": database.name,
            "CRM_ANALYTICS_RABBITMQ_URI": rabbit_uri,
            "CRM_ANALYTICS_METRICS_ADDRESS": address,
        }
        log = tmp_path / f"consumer-{len(running)}.log"
        command = [sys.executable, "-m", "crm_analytics", "consumer"]
        process = Process(start_process(command, log, told), address, log)
        running.append(process)
        process.ready()
        wait_until(lambda: consumers(broker) == 1, what="the subscription")
        return process

    yield begin
    for process in running:
        stop_process(process.running)


def some_events(contacts):
    """Three events around each contact."""
    for _ in range(contacts):
        ann = a_contact()
        yield an_event(ann)
        yield an_event(ann, "updated", sequence=2)
        yield an_event(an_interaction(ann.name))


def archived():
    return journal().count_documents({})


def test_what_any_service_announces_is_archived_and_learnt(start, broker):
    process = start()
    events = list(some_events(40))

    broker.publish(*events, *events[:30])
    wait_until(lambda: archived() == 120, what="the journal")
    wait_until(lambda: broker.ready(QUEUE) == 0, what="the queue")

    rows = {row["_id"]: row["data"] for row in journal().find()}
    assert rows == {event.id: event.data for event in events}
    assert service_database()["known"].count_documents({"sequence": 2}) == 40
    assert service_database()["engagements"].count_documents({"collection": "interactions"}) == 40
    taken = "crm_event_end_to_end_seconds_count"
    wait_until(lambda: process.metric(taken, consumer=QUEUE) >= 120, what="the count")
    assert process.stop() == 0


def test_a_consumer_that_is_killed_loses_and_doubles_nothing(start, broker):
    process = start()
    events = list(some_events(300))

    broker.publish(*events[:450])
    wait_until(lambda: archived() > 100, what="some of the journal")
    process.kill()
    broker.publish(*events[450:])
    start()
    wait_until(lambda: archived() >= 900, what="the journal")
    wait_until(lambda: broker.ready(QUEUE) == 0, what="the queue")

    assert {row["_id"] for row in journal().find({}, {"_id": 1})} == {each.id for each in events}
    assert archived() == 900


def test_what_cannot_be_read_is_listed_as_a_dead_letter(start, broker, tmp_path):
    start()
    for number in range(3):
        broker.send(EXCHANGE, "crm.contacts.contact.created.v1", b"{%d" % number)
    rows = service_database()["dead_letters"]
    wait_until(lambda: rows.count_documents({}) == 3, what="the dead letters")

    keys = make_keys(tmp_path, ("gateway", "analytics"))
    peers = Peers(keys.signer("analytics"), {})
    with serving(keys, "analytics", services(peers)) as analytics:
        stub = analytics.stub(dead_letters_pb2_grpc.AllDeadLettersServiceStub)
        first = stub.ListDeadLetters(dead_letters_pb2.ListDeadLettersRequest(page_size=2))
        token = first.next_page_token
        second = stub.ListDeadLetters(dead_letters_pb2.ListDeadLettersRequest(page_token=token))

    listed = [*first.dead_letters, *second.dead_letters]
    assert {letter.body for letter in listed} == {b"{0", b"{1", b"{2"}
    assert {letter.queue for letter in listed} == {QUEUE}
    assert archived() == 0


def test_the_consumer_cannot_reach_grpc_and_the_others_cannot_reach_eventlet():
    consumer = "import sys, crm_analytics.consumer; sys.exit('grpc' in sys.modules)"
    api = "import sys, crm_analytics.api; sys.exit('eventlet' in sys.modules)"

    for code in (consumer, api):
        subprocess.run([sys.executable, "-c", code], check=True)
