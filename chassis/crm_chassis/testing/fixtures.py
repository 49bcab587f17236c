"""Fixtures for tests that need a real server: one mongod and one RabbitMQ for the whole run."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from pymongo.database import Database

from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo import claiming, connection
from crm_chassis.testing.guardian import end_servers
from crm_chassis.testing.mongo import start_mongod
from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.rabbit import RabbitPorts, start_rabbit

MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a real replica set of one, the same for all workers of the run."""

    def start(folder: Path) -> dict[str, Any]:
        mongod = start_mongod(folder, free_ports(1)[0])
        end_servers([mongod.process.pid], folder)
        return {"uri": mongod.uri}

    return str(_once(tmp_path_factory, "mongo", start)["uri"])


@pytest.fixture(scope="session")
def rabbit_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a virtual host of this worker's own, on a real node."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))

    def start(folder: Path) -> dict[str, Any]:
        vhosts = [f"gw{number}" for number in range(workers)]
        rabbit = start_rabbit(folder, RabbitPorts(*free_ports(3)), vhosts)
        end_servers([rabbit.broker.pid, rabbit.epmd.pid], folder)
        return {vhost: rabbit.uri(vhost) for vhost in vhosts}

    return str(_once(tmp_path_factory, "rabbit", start)[worker])


@pytest.fixture
def database(mongo_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database[dict[str, Any]]]:
    """A fresh database, to which this process is connected.

    A row that is ready is claimed however long a busy machine takes: a worker would look again.
    """
    monkeypatch.setattr(claiming, "PATIENCE_MS", 10_000)
    connection.connect(mongo_uri, f"test_{new_id().replace('-', '')}")
    fresh = connection.database()
    yield fresh
    fresh.client.drop_database(fresh.name)
    connection.disconnect()


def _once(
    factory: pytest.TempPathFactory, name: str, start: Callable[[Path], dict[str, Any]]
) -> dict[str, Any]:
    """What `start` answers to the first worker that asks; the others are told the same."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    told = shared / f"{name}.json"
    with FileLock(shared / f"{name}.lock"):
        if not told.exists():
            told.write_text(json.dumps(start(_folder(name))), encoding="utf-8")
    answer: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    return answer


def _folder(name: str) -> Path:
    """A new folder in memory where there is room: nothing of a test has to outlive the machine."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    return Path(tempfile.mkdtemp(prefix=f"crm-{name}-", dir=MEMORY if roomy else None))
