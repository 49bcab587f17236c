"""What messages are tested with: a log to fill, a broker to look into, processes to start."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from crm_chassis.events import topology
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo import indexes
from crm_chassis.testing.messages import Broker, Process
from crm_chassis.testing.mongo import Mongod, start_mongod
from crm_chassis.testing.ports import free_ports, is_open
from crm_chassis.testing.processes import start_process, stop_process
from crm_chassis.testing.rabbit import (
    DISTRIBUTION_SCRIPT,
    NODE,
    Rabbit,
    RabbitPorts,
    rabbit_command,
    rabbit_environment,
    start_rabbit,
)
from crm_chassis.testing.waiting import wait_until

HERE = Path(__file__).parent
Start = Callable[..., Process]


@pytest.fixture
def log(database):
    """The database of a service, with the indexes that it has."""
    return prepared(database)


def prepared(database):
    indexes.create(database)
    for name in ("effects", "journal", "obstacles"):
        database.create_collection(name)
    return database


@pytest.fixture
def broker(rabbit_uri) -> Iterator[Broker]:
    broker = Broker(rabbit_uri)
    yield broker
    broker.close()


@pytest.fixture
def started(tmp_path) -> Iterator[Callable[[list[str], str], Process]]:
    """Starts processes; all have ended when the test has."""
    running: list[Process] = []

    def start(command: list[str], address: str) -> Process:
        log = tmp_path / f"{Path(command[0]).stem}-{len(running)}.log"
        process = start_process([sys.executable, *command], log)
        running.append(Process(process, address, log))
        return running[-1]

    yield start
    for process in running:
        stop_process(process.running)


@pytest.fixture
def start_relay(database, mongo_uri, rabbit_uri, started) -> Start:
    """Starts a relay of the log."""

    def start(
        lease: float = 15.0,
        rabbit: str = rabbit_uri,
        patience: float = 30.0,
        mongo: str = mongo_uri,
    ) -> Process:
        address = f"127.0.0.1:{free_ports(1)[0]}"
        program = str(HERE / "relay_process.py")
        told = [mongo, database.name, rabbit, address, str(lease), str(patience)]
        return started([program, *told], address)

    return start


@dataclass(frozen=True)
class Consumer:
    """A service that consumes, and its queues."""

    service: str
    start: Start

    @property
    def queue(self) -> str:
        return f"{self.service}.contacts-changed"

    @property
    def dead_letters(self) -> str:
        return f"{self.service}.dlq"


@pytest.fixture
def consumer(database, mongo_uri, rabbit_uri, broker, started) -> Consumer:
    """A service of a name that no other test has; it starts with one of consumer_process.py.

    Its processes end before its queues: they would make them again.
    """
    service = f"probe-{new_id()[-8:]}"

    def start(
        kind: str = "Single",
        tiers: str = "0.1,0.2",
        rabbit: str = rabbit_uri,
        mongo: str = mongo_uri,
        limit: int = topology.DELIVERY_LIMIT,
    ) -> Process:
        address = f"127.0.0.1:{free_ports(1)[0]}"
        program = str(HERE / "consumer_process.py")
        if rabbit == rabbit_uri:
            broker.made |= {f"{service}.{name}" for name in ("contacts-changed", "journal", "dlq")}
            broker.made |= {topology.retry_name(service, float(tier)) for tier in tiers.split(",")}
        told = [service, kind, mongo, database.name, rabbit, address, tiers, str(limit)]
        return started([program, *told], address)

    return Consumer(service, start)


@dataclass(frozen=True)
class Node:
    """A broker of a test's own, which it may stop, block and kill."""

    rabbit: Rabbit
    folder: Path

    @property
    def uri(self) -> str:
        return self.rabbit.uri("tests")

    def control(self, *command: str) -> str:
        """What `rabbitmqctl` answers."""
        told = rabbit_environment(self.folder, self.rabbit.ports)
        done = subprocess.run(
            [str(DISTRIBUTION_SCRIPT.with_name("rabbitmqctl")), "-q", "-n", NODE, *command],
            env={**os.environ, **told},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def kill(self) -> None:
        """End it at once, but for what was declared: of that it keeps the last moments in memory.

        A node of its own loses a queue that was declared a moment before; a cluster does not.
        """
        self.control("eval", "mnesia:sync_log(), [dets:sync(Table) || Table <- dets:all()].")
        self.rabbit.broker.kill()
        self.rabbit.broker.wait()

    def start_again(self) -> "Node":
        """The same node with the same data."""
        environment = rabbit_environment(self.folder, self.rabbit.ports)
        broker = start_process(rabbit_command(), self.folder / "rabbitmq.log", environment)
        wait_until(lambda: is_open(self.rabbit.ports.amqp), what="RabbitMQ")
        return replace(self, rabbit=replace(self.rabbit, broker=broker))


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[list[Node]]:
    """The node as it is at present, in a list of one."""
    folder = tmp_path_factory.mktemp("rabbit")
    nodes = [Node(start_rabbit(folder, RabbitPorts(*free_ports(3))), folder)]
    yield nodes
    nodes[0].rabbit.stop()


@dataclass(frozen=True)
class OwnMongod:
    """A mongod of a test's own, which it may kill and start again."""

    mongod: Mongod
    folder: Path
    database: Any

    @property
    def uri(self) -> str:
        return self.mongod.uri

    def kill(self) -> None:
        self.mongod.process.kill()
        self.mongod.process.wait()

    def start_again(self) -> "OwnMongod":
        return replace(self, mongod=start_mongod(self.folder, self.mongod.port))


@pytest.fixture
def own_log(database, tmp_path) -> Iterator[list[OwnMongod]]:
    """A log on a mongod of its own, as it is at present, in a list of one."""
    mongod = start_mongod(tmp_path, free_ports(1)[0], durable=True)
    with MongoClient(mongod.uri, tz_aware=True) as client:
        logs = [OwnMongod(mongod, tmp_path, prepared(client[database.name]))]
        yield logs
    logs[0].mongod.stop()
