"""The worker process: killed, stopped, doubled; what it does is done once and nothing is lost."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from crm_chassis.kernel.clock import now
from crm_chassis.mongo import operations
from crm_chassis.mongo.schedule import schedule
from crm_chassis.resources.transaction import Transaction, in_transaction
from crm_chassis.telemetry.context import Call, call_scope, service_principal
from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.processes import start_process, stop_process
from crm_chassis.testing.waiting import PATIENCE, wait_until

PROGRAM = Path(__file__).with_name("working_process.py")
Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture(autouse=True)
def call() -> Iterator[Call]:
    with call_scope(Call(service_principal("probe"), "request-1", "/probe", "probe")) as call:
        yield call


@pytest.fixture
def address() -> str:
    return f"127.0.0.1:{free_ports(1)[0]}"


@pytest.fixture
def start(database, mongo_uri, tmp_path) -> Iterator[Start]:
    running: list[subprocess.Popen[bytes]] = []

    def start(address: str = "127.0.0.1:0") -> subprocess.Popen[bytes]:
        command = [sys.executable, str(PROGRAM), mongo_uri, database.name, address]
        running.append(start_process(command, tmp_path / "worker.log"))
        return running[-1]

    yield start
    for process in running:
        stop_process(process)


def a_count(**payload) -> str:
    return in_transaction(operations.start, "probe", "count", payload)["_id"]


def is_done(operation_id: str) -> bool:
    return operations.find(operation_id)["done"]


def counted(database) -> list[int]:
    return sorted(row["number"] for row in database["counted"].find())


def test_an_operation_killed_in_the_middle_of_a_step_goes_on_at_that_step(
    database, start, tmp_path
):
    obstacle = tmp_path / "obstacle"
    obstacle.touch()
    operation_id = a_count(total=5, wait_at=2, obstacle=str(obstacle))
    first = start()
    wait_until(lambda: counted(database) == [0, 1], what="the steps before the obstacle")

    first.send_signal(signal.SIGKILL)
    first.wait()
    obstacle.unlink()
    start()

    wait_until(lambda: is_done(operation_id))
    assert counted(database) == [0, 1, 2, 3, 4]
    assert operations.find(operation_id)["processed"] == 5


def test_a_worker_that_is_asked_to_stop_finishes_its_step_and_ends(database, start, tmp_path):
    obstacle = tmp_path / "obstacle"
    obstacle.touch()
    operation_id = a_count(total=5, wait_at=2, obstacle=str(obstacle))
    worker = start()
    wait_until(lambda: counted(database) == [0, 1], what="the steps before the obstacle")

    worker.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(0.3)
    obstacle.unlink()

    assert worker.wait(PATIENCE) == 0
    assert counted(database) == [0, 1, 2]
    assert operations.find(operation_id)["ready"] <= now()


def test_two_workers_fire_each_timer_once_and_soon(database, start):
    subjects = [f"cases/{number}" for number in range(40)]

    def schedule_all(tx: Transaction) -> None:
        for number, subject in enumerate(subjects):
            schedule(tx, "count", subject, tx.now + timedelta(milliseconds=20 * number))

    start(), start()
    in_transaction(schedule_all)

    wait_until(lambda: database["fired"].count_documents({}) >= len(subjects), what="all fired")
    wait_until(lambda: database["timers"].count_documents({}) == 0, what="no timer left")
    assert sorted(row["subject"] for row in database["fired"].find()) == sorted(subjects)


def test_a_worker_is_ready_when_its_database_is_and_shows_its_metrics(start, address):
    def answer(path: str) -> str:
        with urlopen(f"http://{address}{path}", timeout=30) as response:
            return response.read().decode()

    def is_ready() -> bool:
        try:
            return '"mongodb": "ok"' in answer("/readyz")
        except OSError:
            return False

    start(address)

    wait_until(is_ready, what="readiness")
    assert '"threads": "ok"' in answer("/livez")
    assert 'crm_timers_fired_total{outcome="failed",timer="count"} 0.0' in answer("/metrics")


def test_a_worker_outlives_an_error_of_its_database(database, start):
    worker = start()
    database["timers"].insert_one({"_id": "broken", "ready": now(), "timer": "count"})

    wait_until(lambda: (database["timers"].find_one({}) or {}).get("attempts"), what="a try")

    assert worker.poll() is None
