"""The gateway's processes, started as they are in production."""

import subprocess
import sys

import pytest

from crm_chassis.testing.grpc import make_keys
from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.processes import end_of, start_process, stop_process
from crm_chassis.testing.suite import Client
from crm_chassis.testing.waiting import PATIENCE, wait_until
from crm_gateway.api_keys.rules import read_key


@pytest.fixture
def variables(database, mongo_uri, tmp_path):
    http, grpc, metrics, contacts = free_ports(4)
    keys = make_keys(tmp_path)
    told = {
        "MONGODB_URI": mongo_uri,
        "MONGODB_DATABASE": database.name,
        "HTTP_ADDRESS": f"127.0.0.1:{http}",
        "GRPC_ADDRESS": f"127.0.0.1:{grpc}",
        "METRICS_ADDRESS": f"127.0.0.1:{metrics}",
        "PEERS": f"contacts=127.0.0.1:{contacts},gateway=127.0.0.1:{grpc}",
        "TOKEN_KEY_FILE": str(keys.private("gateway")),
        "TOKEN_KEYS_FILE": str(keys.public),
    }
    return {f"CRM_GATEWAY_{name}": value for name, value in told.items()}


@pytest.fixture
def api(variables, tmp_path):
    """The running process, and how it is asked."""
    run(variables, "migrate")
    log = tmp_path / "api.log"
    process = start_process([sys.executable, "-m", "crm_gateway", "api"], log, variables)
    client = Client(f"http://{variables['CRM_GATEWAY_HTTP_ADDRESS']}", None)
    try:
        wait_until(lambda: answers(client), what=f"the gateway\n{end_of(log)}")
        yield process, client
    finally:
        stop_process(process)


def run(variables, process):
    command = [sys.executable, "-m", "crm_gateway", process]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout


def test_bootstrap_waits_for_nobody_and_says_what_is_missing(variables):
    command = [sys.executable, "-m", "crm_gateway", "bootstrap"]

    told = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

    assert told.returncode == 1
    assert told.stdout == ""
    assert "waits for 0001_indexes" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_relay_is_not_ready_before_the_schema_is(variables, rabbit_uri, tmp_path):
    told = {**variables, "CRM_GATEWAY_RABBITMQ_URI": rabbit_uri}
    probes = Client(f"http://{variables['CRM_GATEWAY_METRICS_ADDRESS']}", None)
    log = tmp_path / "relay.log"
    process = start_process([sys.executable, "-m", "crm_gateway", "relay"], log, told)

    def checks():
        try:
            return probes.get("/readyz").body["checks"]
        except OSError:
            return {}

    try:
        wait_until(lambda: checks().get("rabbitmq") == "ok", what=end_of(log))
        wait_until(lambda: "waits for 0001_indexes" in checks().get("schema", ""))
        run(variables, "migrate")
        wait_until(lambda: checks().get("schema") == "ok")
    finally:
        stop_process(process)


def answers(client):
    try:
        return client.get("/healthz").status == 200
    except OSError:
        return False


def dependencies(client):
    return client.get("/readyz").body["dependencies"]


def test_the_first_key_is_all_that_bootstrap_says_and_opens_the_api(variables, api, tmp_path):
    process, client = api

    said = run(variables, "bootstrap")
    client.key = said.rstrip("\n")
    users = client.get("/v1/users").ok()["users"]
    again = run(variables, "bootstrap")
    wait_until(lambda: client.get("/v1/users").status == 401, timeout=3)
    client.key = again.strip()
    wait_until(lambda: dependencies(client)["mongodb"]["ready"], what="its database")
    ready = client.get("/readyz")

    assert read_key(said.rstrip("\n")) is not None
    assert [user["roles"] for user in users] == [["roles/administrator"]]
    assert client.get("/v1/users").status == 200
    assert ready.status == 503
    assert ready.body["dependencies"]["contacts"]["ready"] is False
    process.terminate()
    assert process.wait(PATIENCE) == 0
    log = (tmp_path / "api.log").read_text(encoding="utf-8")
    assert read_key(said.strip()).secret not in log
