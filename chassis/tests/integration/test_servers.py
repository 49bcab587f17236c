"""The servers that tests run against are real, shared by the run, and kept apart for each."""

import pika
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from crm_chassis.mongo.connection import client
from crm_chassis.testing.mongo import start_mongod
from crm_chassis.testing.ports import free_ports


def test_a_test_has_a_database_of_its_own_with_transactions(database):
    assert database.list_collection_names() == []
    database.create_collection("things")

    with client().start_session() as session, session.start_transaction():
        database["things"].insert_one({"_id": 1}, session=session)
        session.abort_transaction()

    assert database["things"].count_documents({}) == 0


@pytest.mark.parametrize("times", [1, 2])
def test_nothing_of_one_test_reaches_the_next(database, times):
    database["things"].insert_one({"_id": 1})

    assert database["things"].count_documents({}) == 1


def test_the_server_refuses_what_it_does_not_know(database):
    with pytest.raises(OperationFailure):
        database.command("noSuchCommand")


def test_the_log_of_the_database_tells_nobody_s_name(tmp_path):
    mongod = start_mongod(tmp_path, free_ports(1)[0])
    with MongoClient(mongod.uri) as client:
        people = client["crm"]["people"]
        people.insert_one({"name": "Ann"})

        slow = people.find_one({"name": "Ann", "$where": "sleep(300) || true"})
        changed = people.update_one({"name": "Ann"}, {"$set": {"name": "Zoe"}})
    mongod.stop()

    assert slow is not None
    assert changed.modified_count == 1
    told = (tmp_path / "mongod.log").read_text(encoding="utf-8")
    assert '"Ann"' not in told


def test_a_worker_has_a_virtual_host_of_its_own_with_quorum_queues(rabbit_uri):
    with pika.BlockingConnection(pika.URLParameters(rabbit_uri)) as broker:
        channel = broker.channel()
        channel.confirm_delivery()
        channel.queue_declare("q", durable=True, arguments={"x-queue-type": "quorum"})

        channel.basic_publish("", "q", b"hello", mandatory=True)

        assert channel.basic_get("q", auto_ack=True)[2] == b"hello"
        channel.queue_delete("q")
