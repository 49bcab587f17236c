"""The local stack: what `make up`, `make down` and their like promise."""

import json
import os
import smtplib
import stat
import subprocess
import sys
import time
import urllib.request
from email.message import EmailMessage
from pathlib import Path

import pymongo
import pytest
from pymongo.errors import OperationFailure

from crm_chassis.testing.ports import is_open
from stack.layout import ROOT
from stack.programs import processes

SERVERS = ["epmd", "mongod", "rabbitmq", "smtp"]
SERVICE = (Path(__file__).parent / "answering_service.py").read_text(encoding="utf-8")


def settings_of(trial, index):
    """What a process was told, by the page that this one answers with it."""
    page = trial.suite.env["CRM_METRICS_URLS"].split(",")[index].replace("/metrics", "/readyz")
    with urllib.request.urlopen(page, timeout=10) as answer:
        return json.load(answer)


def test_up_tells_where_everything_is(trial):
    env = trial.suite.env

    assert env["CRM_URL"] == f"http://127.0.0.1:{trial.environment['CRM_HTTP_PORT']}"
    assert env["CRM_API_KEY"] == "crm_live_0_0"
    assert len(env["CRM_METRICS_URLS"].split(",")) == len(processes())
    assert sorted(trial.suite.pids) == sorted([*processes(), *SERVERS])


def test_a_pid_is_that_of_the_process_that_serves(trial):
    pids = trial.suite.pids.items()
    names = {name: Path(f"/proc/{pid}/exe").readlink().name for name, pid in pids}

    assert names["rabbitmq"] == "beam.smp"
    assert names["mongod"] == "mongod"


def test_secrets_are_for_their_owner_only(trial):
    folder = trial.layout.folder

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(trial.layout.api_key.stat().st_mode) == 0o600
    assert stat.S_IMODE(trial.layout.env.stat().st_mode) == 0o600


def test_a_second_up_finds_all_of_it_ready(trial):
    before = trial.suite.pids

    assert trial.command("up").returncode == 0
    assert trial.suite.pids == before


def test_up_leaves_no_output_open(trial):
    pipe = subprocess.run(
        f"{sys.executable} -m stack up | cat",
        shell=True,
        env={**os.environ, **trial.environment},
        cwd=ROOT,
        check=True,
        timeout=60,
        capture_output=True,
    )

    assert trial.suite.env["CRM_URL"].encode() in pipe.stdout


def test_a_service_sees_its_own_database_only(trial):
    uri = settings_of(trial, 0)["MONGODB_URI"]

    with pymongo.MongoClient(uri) as client:
        client["crm_contacts"]["things"].insert_one({"a": 1})
        with pytest.raises(OperationFailure, match="not authorized"):
            client["crm_analytics"]["things"].find_one()


def test_the_broker_has_no_account_but_ours(trial):
    log = trial.suite.log("rabbitmq")

    assert "guest" not in log
    assert "guest" not in (trial.layout.rabbitmq / "definitions.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["contacts/relay", "gateway/api", *SERVERS])
def test_a_killed_process_is_back_within_a_second(trial, name):
    for _ in range(3):
        begin = time.monotonic()

        trial.replace(name)

        assert time.monotonic() - begin < 1
    assert trial.command("up").returncode == 0


def test_a_message_to_the_sink_is_one_file(trial):
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message["From"], message["To"] = "a@example.com", "b@example.com"
    message.set_content("Hallo")
    port = json.loads(trial.layout.ports.read_text(encoding="utf-8"))["smtp"]

    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(message, to_addrs=["b@example.com", "c@example.com"])

    [kept] = trial.layout.mailbox.glob("*.eml")
    assert b"X-RcptTo: b@example.com, c@example.com\r\n" in kept.read_bytes()


def test_status_shows_every_process_as_ready(trial):
    shown = trial.command("status").stdout.splitlines()

    assert len(shown) == len(processes()) + len(SERVERS) + 1
    assert not [line for line in shown if "not ready" in line]


def test_two_stacks_run_side_by_side(trial, make_trial):
    other = make_trial()

    other.up()

    assert not set(other.suite.pids.values()) & set(trial.suite.pids.values())
    assert "not ready" not in trial.command("status").stdout
    ports = json.loads(other.layout.ports.read_text(encoding="utf-8"))
    _down_leaves_nothing(other, ports)
    _data_outlives_a_start_on_other_ports(other, ports["http"])


def _down_leaves_nothing(trial, ports):
    with pymongo.MongoClient(trial.suite.env["CRM_MONGODB_URI"]) as client:
        client["crm_contacts"]["things"].insert_one({"_id": "kept"})
    begin = time.monotonic()

    assert trial.command("down").returncode == 0

    assert time.monotonic() - begin < 30
    assert trial.processes() == []
    assert [name for name, port in ports.items() if is_open(port)] == []


def _data_outlives_a_start_on_other_ports(trial, public):
    trial.layout.ports.write_text(json.dumps({"http": public}), encoding="utf-8")

    trial.up()

    with pymongo.MongoClient(trial.suite.env["CRM_MONGODB_URI"]) as client:
        assert client["crm_contacts"]["things"].find_one({"_id": "kept"})
    trial.command("down")


def test_up_names_the_process_that_is_not_ready_and_the_end_of_its_log(make_trial):
    trial = make_trial()
    services = Path(trial.environment["PYTHONPATH"].split(":")[1])
    broken = services / "crm_contacts" / "__main__.py"
    broken.write_text(f"import sys\nif 'relay' in sys.argv: sys.exit('Gone.')\n{SERVICE}")

    up = trial.command("up")

    assert up.returncode == 1
    assert "contacts/relay is not ready" in up.stderr
    assert "Gone." in up.stderr
    trial.command("down")


def test_up_refuses_a_public_port_that_is_taken(trial, make_trial):
    other = make_trial()
    other.environment["CRM_HTTP_PORT"] = trial.environment["CRM_HTTP_PORT"]

    up = other.command("up")

    assert up.returncode == 1
    assert "CRM_HTTP_PORT" in up.stderr


@pytest.mark.parametrize("port", ["here", "0", "65536"])
def test_up_refuses_a_public_port_that_is_none(make_trial, port):
    trial = make_trial()
    trial.environment["CRM_HTTP_PORT"] = port

    up = trial.command("up")

    assert up.returncode == 1
    assert up.stderr == f"CRM_HTTP_PORT is no port: '{port}'.\n"


def test_reset_asks_and_then_deletes(make_trial):
    trial = make_trial()
    trial.layout.create()
    trial.layout.ports.write_text("{}", encoding="utf-8")

    trial.command("reset", answer="\n")
    assert trial.layout.folder.exists()

    trial.command("reset", answer="y\n")
    assert not trial.layout.folder.exists()
