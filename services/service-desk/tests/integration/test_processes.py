"""The processes of the service, as they are started."""

import sys
from datetime import timedelta

import pytest

from crm_chassis.kernel.clock import now
from crm_chassis.testing.messages import Broker, Process, an_event
from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.processes import start_process, stop_process
from crm_chassis.testing.waiting import PATIENCE, wait_until
from crm_service_desk.cases.documents import Case
from crm_service_desk.testing import a_case, a_known

QUEUES = {"service-desk.contacts-changed", "service-desk.organizations-changed"}


@pytest.fixture
def start(database, mongo_uri, tmp_path):
    """Starts a process of the service on the test's database."""
    running = []

    def begin(process, **told):
        address = f"127.0.0.1:{free_ports(1)[0]}"
        variables = {
            "MONGODB_URI": mongo_uri,
            "MONGODB_DATABASE": database.name,
            "METRICS_ADDRESS": address,
            **told,
        }
        environment = {f"CRM_SERVICE_DESK_{name}": value for name, value in variables.items()}
        log = tmp_path / f"{process}-{len(running)}.log"
        command = [sys.executable, "-m", "crm_service_desk", process]
        running.append(start_process(command, log, environment))
        return Process(running[-1], address, log)

    yield begin
    for process in running:
        stop_process(process)


def test_the_database_is_made_ready(start, database):
    for name in database.list_collection_names():
        database.drop_collection(name)

    assert start("migrate").running.wait(PATIENCE) == 0

    assert {"cases", "messages", "numbers", "timers"} <= set(database.list_collection_names())
    assert "subject_1" in database["cases"].index_information()


def test_what_is_due_while_no_worker_runs_is_breached_by_the_next_one(start, database):
    case, past = a_case(), now() - timedelta(minutes=1)
    due = {"first_response_due_time": past, "resolution_due_time": past}
    Case.rows().update_one({"_id": case.id}, {"$set": due})
    database["timers"].update_many({}, {"$set": {"due": past, "ready": past}})

    worker = start("worker").ready()
    wait_until(lambda: database["timers"].count_documents({}) == 0, what="the timers")

    row = Case.rows().find_one({"_id": case.id})
    assert (row["first_response_target"], row["resolution_target"]) == ("BREACHED", "BREACHED")
    counted = "crm_service_desk_targets_breached_total"
    wait_until(lambda: worker.metric(counted) == 2, what="the count")
    assert worker.metric(counted, target="resolution") == 1
    assert worker.stop() == 0


def test_what_customers_are_called_comes_over_the_broker(start, rabbit_uri):
    broker = Broker(rabbit_uri)
    broker.made |= {*QUEUES, "service-desk.dlq"}
    ann = a_known("contacts", "Ann")
    case = a_case(contact=ann)
    consumer = start("consumer", RABBITMQ_URI=rabbit_uri).ready()
    event = an_event(ann, 2, data={"name": ann, "displayName": "Anna"})

    def is_shown():
        # Again and again: the queue may not be bound yet.
        broker.publish(event)
        row = Case.rows().find_one({"_id": case.id})
        return row["customer_display_names"] == {ann: "Anna"}

    wait_until(is_shown, what="the name")

    assert consumer.stop() == 0
    broker.close()
