"""The processes of the service, as they are started."""

import sys

import pytest
from crm.analytics.v1 import timeline_pb2, timeline_pb2_grpc

from crm_analytics.testing import a_contact, an_event, happen
from crm_chassis.rpc.channels import Peers
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.grpc import make_keys
from crm_chassis.testing.messages import Process
from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.processes import start_process, stop_process
from crm_chassis.testing.waiting import PATIENCE, wait_until


@pytest.fixture
def keys(tmp_path):
    return make_keys(tmp_path, ("gateway", "analytics"))


@pytest.fixture
def start(database, mongo_uri, keys, tmp_path):
    """Starts a process of the service on the test's database."""
    running = []

    def begin(process, **told):
        variables = {
            "MONGODB_URI": mongo_uri,
            "MONGODB_DATABASE": database.name,
            "TOKEN_KEY_FILE": str(keys.private("analytics")),
            "TOKEN_KEYS_FILE": str(keys.public),
            **told,
        }
        environment = {f"CRM_ANALYTICS_{name}": value for name, value in variables.items()}
        log = tmp_path / f"{process}.log"
        command = [sys.executable, "-m", "crm_analytics", process]
        running.append(start_process(command, log, environment))
        return Process(running[-1], told.get("METRICS_ADDRESS", ""), log)

    yield begin
    for process in running:
        stop_process(process)


def test_the_database_is_made_ready_and_the_api_answers(start, keys, database):
    for name in database.list_collection_names():
        database.drop_collection(name)
    grpc_address, metrics_address = (f"127.0.0.1:{port}" for port in free_ports(2))
    peers = Peers(keys.signer(), {"analytics": grpc_address})
    token = keys.signer().mint(a_principal())

    assert start("migrate").running.wait(PATIENCE) == 0
    api = start("api", GRPC_ADDRESS=grpc_address, METRICS_ADDRESS=metrics_address).ready()
    ann = a_contact()
    happen(an_event(ann))
    timelines = peers.stub(
        "analytics", timeline_pb2_grpc.TimelineServiceStub, lambda: f"Bearer {token}"
    )
    asked = timeline_pb2.ListTimelineEntriesRequest(customer=ann.name)
    page = timelines.ListTimelineEntries(asked, timeout=60)
    peers.close()

    assert [entry.subject for entry in page.entries] == [ann.name]
    assert "crm_journal_events 1.0" in api.answer("/metrics")[1]
    assert api.stop() == 0


def test_the_worker_tells_of_every_source_from_the_start(start, database):
    (metrics_port,) = free_ports(1)
    told = {"METRICS_ADDRESS": f"127.0.0.1:{metrics_port}", "PEERS": "sales=127.0.0.1:9"}
    worker = start("worker", **told).ready()

    wait_until(lambda: "not asked" in worker.log.read_text("utf-8"), every=0.1, what="a look")
    metrics = worker.answer("/metrics")[1]

    assert 'crm_ledger_accepted{source="sales"} 0.0' in metrics
    assert 'crm_ledger_missing{source="sales"} 0.0' in metrics
    since = database["ledger_watches"].find_one()["since"]
    [line] = [line for line in metrics.splitlines() if line.startswith("crm_ledger_checked_t")]
    assert float(line.split()[1]) == since.timestamp()
    assert worker.stop() == 0
