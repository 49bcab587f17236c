"""Who may connect to whom is what the chart's matrix says: in the cluster, not on paper."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cluster.installation import Installation

from deployment.lifecycle import CHARTS, DATA, SUITE

MATRIX = yaml.safe_load((CHARTS / "crm" / "files" / "matrix.yaml").read_text(encoding="utf-8"))
PROBE = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
STRANGER = "stranger"
HTTP, GRPC, METRICS = 80, 50051, 9090
SERVERS = {"mongodb": 27017, "rabbitmq": 5672, "smtp": 2525}
PROCESSES = [
    (service, process)
    for service, processes in MATRIX.items()
    for process in processes
    if process != "migrate"
]
# Reads a collection of each database with the account that its process has.
READ = """
import pathlib, sys
from pymongo import MongoClient
from pymongo.errors import OperationFailure
client = MongoClient(pathlib.Path(sys.argv[1]).read_text().strip())
for name in sys.argv[2:]:
    try:
        client[name]["events"].find_one()
        print(name, "open")
    except OperationFailure as failure:
        print(name, failure.code)
"""
UNAUTHORIZED = "13"


def name_of(service: str, process: str) -> str:
    return f"{SUITE}-{service}-{process}"


def every_address() -> Iterator[str]:
    """Everything that listens."""
    yield f"{SUITE}-gateway:{HTTP}"
    yield from (f"{name_of(service, 'api')}:{GRPC}" for service in MATRIX)
    yield from (f"{name_of(service, process)}:{METRICS}" for service, process in PROCESSES)
    yield from (f"{DATA}-{name}:{port}" for name, port in SERVERS.items())


def allowed(service: str, process: str) -> set[str]:
    """What the matrix allows a process to connect to."""
    facts = MATRIX[service][process]
    peers = {f"{name_of(peer, 'api')}:{GRPC}" for peer in facts.get("calls", [])}
    servers = {f"{DATA}-{name}:{SERVERS[name]}" for name in facts["needs"] if name in SERVERS}
    watched = {address for address in every_address() if address.endswith(f":{METRICS}")}
    return peers | servers | (watched if facts.get("watches") else set())


def reached(installation: Installation, pod: str, addresses: list[str]) -> set[str]:
    """Those of the addresses that a pod can connect to."""
    told = json.loads(installation.run(pod, PROBE, *addresses))
    return {address for address, is_open in told.items() if is_open}


@pytest.mark.parametrize(("service", "process"), PROCESSES)
def test_a_process_reaches_what_it_needs_and_nothing_else(standing, service, process):
    own = name_of(service, process)
    # What a pod asks itself no policy sees.
    others = [one for one in every_address() if not one.startswith(f"{own}:")]
    others = [one for one in others if own != f"{SUITE}-gateway-api" or f":{HTTP}" not in one]

    found = reached(standing, standing.pods_of(own)[0], others)

    assert found == allowed(service, process) & set(others)


def test_a_stranger_reaches_the_gateway_alone(standing):
    standing.start_pod(STRANGER, ["sleep", "600"])
    standing.kubectl("wait", f"pod/{STRANGER}", "--for=condition=Ready", "--timeout=60s")

    found = reached(standing, STRANGER, list(every_address()))

    standing.remove_pod(STRANGER)
    assert found == {f"{SUITE}-gateway:{HTTP}"}


@pytest.mark.parametrize("service", MATRIX)
def test_a_service_reads_its_own_database_and_no_other(standing, service):
    databases = {one: f"crm_{one.replace('-', '_')}" for one in MATRIX}
    pod = standing.pods_of(name_of(service, "api"))[0]
    folder = "/run/secrets/crm"
    [uri] = standing.kubectl("exec", pod, "--", "sh", "-c", f"ls {folder}/*mongodb*").split()

    told = standing.run(pod, READ, uri, *databases.values())

    answers = dict(line.split() for line in told.splitlines())
    assert answers == {
        database: "open" if one == service else UNAUTHORIZED for one, database in databases.items()
    }
