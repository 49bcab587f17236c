"""The api process: not ready before its schema is, finishing what it began when it is stopped."""

import json
import signal
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import grpc
import pymongo
import pytest
from crm.contacts.v1 import contacts_pb2, contacts_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo.migrations import migrate
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.grpc import make_keys
from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.processes import end_of, start_process, stop_process
from crm_chassis.testing.waiting import PATIENCE, wait_until

PROGRAM = Path(__file__).with_name("serving_process.py")
SERVICE = "crm.contacts.v1.ContactService"
MIGRATION = "def up(database):\n    database['contacts'].create_index('owner')\n"


class Process:
    """The process, and how it is reached."""

    def __init__(self, folder, uri, database):
        self.keys = make_keys(folder, ("gateway", "probe"))
        rpc, http = free_ports(2)
        self.log = folder / "process.log"
        self.http = f"http://127.0.0.1:{http}"
        variables = {
            "CRM_PROBE_MONGODB_URI": uri,
            "CRM_PROBE_MONGODB_DATABASE": database,
            "CRM_PROBE_GRPC_ADDRESS": f"127.0.0.1:{rpc}",
            "CRM_PROBE_METRICS_ADDRESS": f"127.0.0.1:{http}",
            "CRM_PROBE_TOKEN_KEY_FILE": str(self.keys.private("probe")),
            "CRM_PROBE_TOKEN_KEYS_FILE": str(self.keys.public),
            "PYTHONPATH": str(folder),
        }
        self.held = folder / "held"
        command = [sys.executable, str(PROGRAM), "probe_migrations", str(self.held)]
        self.process = start_process(command, self.log, variables)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{rpc}")
        self.contacts = contacts_pb2_grpc.ContactServiceStub(self.channel)

    def metadata(self):
        token = self.keys.signer().mint(a_principal())
        return (("authorization", f"Bearer {token}"),)

    def readiness(self):
        """The status and the report of /readyz; None while nobody answers."""
        try:
            with urlopen(f"{self.http}/readyz", timeout=30) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return None

    def health(self):
        request = health_pb2.HealthCheckRequest(service=SERVICE)
        answer = health_pb2_grpc.HealthStub(self.channel).Check(
            request, timeout=30, wait_for_ready=True
        )
        return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)

    def close(self):
        self.channel.close()
        stop_process(self.process)


@pytest.fixture
def process(tmp_path, mongo_uri, database, monkeypatch):
    package = tmp_path / "probe_migrations"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "0001_indexes.py").write_text(MIGRATION, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    started = Process(tmp_path, mongo_uri, database.name)
    yield started
    started.close()


@pytest.fixture
def ready(process):
    migrate("probe_migrations")
    wait_until(lambda: process.health() == "SERVING", what=end_of(process.log))
    return process


def test_it_is_not_ready_before_its_schema_is(process):
    def lacks_its_schema_only():
        told = process.readiness()
        return told if told and told[1]["checks"].get("mongodb") == "ok" else None

    status, report = wait_until(lacks_its_schema_only)
    health = process.health()

    migrate("probe_migrations")
    wait_until(lambda: process.health() == "SERVING")

    assert (status, health) == (503, "NOT_SERVING")
    assert report["checks"]["mongodb"] == "ok"
    assert "0001_indexes" in report["checks"]["schema"]
    everything = {"ok": True, "checks": dict.fromkeys(ALL, "ok")}
    wait_until(lambda: process.readiness() == (200, everything))


ALL = ("rpc", "mongodb", "schema")


def test_what_has_begun_is_finished_when_it_is_stopped(ready):
    name = f"contacts/{new_id()}"
    running = ready.contacts.GetContact.future(
        contacts_pb2.GetContactRequest(name=name), timeout=30, metadata=ready.metadata()
    )
    wait_until(lambda: f"begun {name}" in ready.log.read_text(), what="the call to be under way")

    ready.process.send_signal(signal.SIGTERM)

    assert running.result().name == name
    assert ready.process.wait(PATIENCE) == 0
    with pytest.raises(grpc.RpcError) as error:
        ready.contacts.ListContacts(
            contacts_pb2.ListContactsRequest(), timeout=30, metadata=ready.metadata()
        )
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_change_whose_caller_has_given_up_is_over_when_the_process_has_ended(ready, database):
    request = contacts_pb2.CreateContactRequest(contact=contacts_pb2.Contact(given_name="Ann"))
    asked = ready.contacts.CreateContact.future(request, timeout=5, metadata=ready.metadata())
    wait_until(lambda: "counting" in ready.log.read_text(), what="the change to be under way")
    asked.cancel()

    ready.process.send_signal(signal.SIGTERM)

    assert ready.process.wait(PATIENCE) == 0
    with pymongo.timeout(3):
        database["counted"].update_one({"_id": "calls"}, {"$inc": {"count": 1}}, upsert=True)
    assert database["counted"].find_one()["count"] == 2


def test_calls_beyond_what_it_can_hold_are_refused_at_once(ready):
    def ask():
        request = contacts_pb2.GetContactRequest(name=f"contacts/{new_id()}")
        return ready.contacts.GetContact.future(
            request, timeout=PATIENCE, metadata=ready.metadata()
        )

    ready.held.touch()
    answers = [ask() for _ in range(60)]
    wait_until(lambda: sum(answer.done() for answer in answers) >= 28, what="refusals")
    ready.held.unlink()
    codes = [answer.exception() and answer.code().name for answer in answers]

    assert set(codes) == {None, "RESOURCE_EXHAUSTED"}
    assert 28 <= codes.count("RESOURCE_EXHAUSTED") <= 44


def test_metrics_and_liveness_are_on_a_port_of_their_own(ready):
    with urlopen(f"{ready.http}/metrics", timeout=30) as answer:
        metrics = answer.read().decode()
    with urlopen(f"{ready.http}/livez", timeout=30) as answer:
        alive = json.load(answer)

    shown = 'crm_grpc_server_handled_total{code="INTERNAL",method="GetContact",service="probe"} 0.0'
    assert shown in metrics
    assert alive == {"ok": True, "checks": {}}


def test_it_tells_by_reflection_what_it_serves(ready):
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    stub = reflection_pb2_grpc.ServerReflectionStub(ready.channel)

    answer = next(iter(stub.ServerReflectionInfo(iter([request]), timeout=30)))

    assert SERVICE in [service.name for service in answer.list_services_response.service]
