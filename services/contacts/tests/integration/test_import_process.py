"""An import outlives the workers that carry it on."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from crm.contacts.v1 import contacts_pb2

from crm_chassis.kernel.ids import id_of
from crm_chassis.mongo import operations
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call
from crm_chassis.testing.processes import start_process, stop_process
from crm_chassis.testing.waiting import wait_until
from crm_contacts.imports.commands import import_contacts
from crm_contacts.imports.jobs import MOST_ROWS

ROWS = 12 * MOST_ROWS
Request = contacts_pb2.ImportContactsRequest
Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start(database, mongo_uri, tmp_path) -> Iterator[Start]:
    running: list[subprocess.Popen[bytes]] = []
    environment = {
        "CRM_CONTACTS_MONGODB_URI": mongo_uri,
        "CRM_CONTACTS_MONGODB_DATABASE": database.name,
        "CRM_CONTACTS_METRICS_ADDRESS": "127.0.0.1:0",
    }

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "crm_contacts", "worker"]
        running.append(start_process(command, tmp_path / "worker.log", environment))
        return running[-1]

    yield start
    for process in running:
        stop_process(process)


def test_an_import_whose_workers_are_killed_takes_every_row_once(database, start):
    lines = [f"{number},Ann{number}\n" for number in range(ROWS)]
    with call_scope(a_call(collection="contacts", action="BULK")):
        operation = import_contacts(
            [
                Request(config={"columns": {"id": "externalIds.erp", "first": "givenName"}}),
                Request(chunk=("id,first\n" + "".join(lines)).encode()),
            ]
        )
    operation_id = id_of(operation.name)

    def processed() -> int:
        return int(operations.find(operation_id)["processed"])

    for share in (1, 2):
        worker = start()
        wait_until(lambda wanted=share * ROWS // 4: processed() >= wanted, what="some rows")
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    start(), start()
    wait_until(lambda: operations.find(operation_id)["done"], what="the end")

    found = operations.find(operation_id)
    assert found["processed"] == found["succeeded"] == found["response"]["created"] == ROWS
    assert database["contacts"].count_documents({}) == ROWS
    assert len(database["contacts"].distinct("external_ids.erp")) == ROWS
    assert database["events"].count_documents({}) == ROWS
    receipts = database["receipts"].count_documents({"method": "operation/contacts:import"})
    assert receipts == ROWS
    wait_until(lambda: not database["imports.chunks"].count_documents({}), what="the file to go")
