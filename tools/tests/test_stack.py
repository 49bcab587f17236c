"""The local stack: what `make up`, `make down` and their like promise."""

import fcntl
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
from crm_chassis.testing.waiting import wait_until
from stack.layout import ROOT, layout_from_environment
from stack.ports import kept_ports
from stack.programs import processes, programs, stack_of

SERVERS = ["epmd", "mongod", "prometheus", "rabbitmq", "smtp"]
SERVICE = (Path(__file__).parent / "answering_service.py").read_text(encoding="utf-8")


def settings_of(trial, index):
    """What a process was told, by the page that this one answers with it."""
    page = trial.suite.env["CRM_METRICS_URLS"].split(",")[index].replace("/metrics", "/readyz")
    with urllib.request.urlopen(page, timeout=60) as answer:
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
        timeout=300,
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
    waits = []
    for _ in range(4):
        begin = time.monotonic()
        trial.replace(name)
        waits.append(time.monotonic() - begin)

    # However often it ended before. A busy machine may be late now and then, but not each time.
    assert min(waits[1:]) < 1
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
    shown = wait_until(lambda: all_ready(trial), what="everything to be ready")

    assert len(shown) == len(processes()) + len(SERVERS) + 1


def all_ready(trial):
    """What the status shows, once nothing is not ready: a busy process answers late."""
    shown = trial.command("status").stdout.splitlines()
    return None if any("not ready" in line for line in shown) else shown


def test_prometheus_is_left_out_when_somebody_says_so(trial, monkeypatch):
    stack = stack_of(trial.layout, kept_ports(trial.layout))
    with_it = {program.name for program in programs(stack)}
    monkeypatch.setenv("CRM_PROMETHEUS", "0")

    without = {program.name for program in programs(stack)}

    assert with_it - without == {"prometheus"}
    assert stack.prometheus_url == ""


@pytest.fixture(scope="module")
def other(make_trial):
    """A second stack."""
    return make_trial()


def test_two_stacks_run_side_by_side(trial, other):
    other.up()

    assert not set(other.suite.pids.values()) & set(trial.suite.pids.values())
    wait_until(lambda: all_ready(trial), what="everything to be ready")
    ports = json.loads(other.layout.ports.read_text(encoding="utf-8"))
    _down_leaves_nothing(other, ports)


def _down_leaves_nothing(trial, ports):
    with pymongo.MongoClient(trial.suite.env["CRM_MONGODB_URI"]) as client:
        client["crm_contacts"]["things"].insert_one({"_id": "kept"})
    begin = time.monotonic()

    assert trial.command("down").returncode == 0

    # Whoever does not end is killed after half a minute; the rest is the command's own.
    assert time.monotonic() - begin < 90
    wait_until(lambda: trial.processes() == [], what="the end of all")
    assert [name for name, port in ports.items() if is_open(port)] == []


def test_up_names_the_process_that_is_not_ready_and_the_end_of_its_log(other):
    services = Path(other.environment["PYTHONPATH"].split(":")[1])
    broken = services / "crm_contacts" / "__main__.py"
    broken.write_text(f"import sys\nif 'relay' in sys.argv: sys.exit('Gone.')\n{SERVICE}")
    ports = json.loads(other.layout.ports.read_text(encoding="utf-8"))
    other.layout.ports.write_text(json.dumps({"http": ports["http"]}), encoding="utf-8")

    up = other.command("up")

    assert up.returncode == 1
    assert "contacts/relay is not ready" in up.stderr
    assert "Gone." in up.stderr
    _data_outlives_a_start_on_other_ports(other)
    other.command("down")


def _data_outlives_a_start_on_other_ports(trial):
    ports = kept_ports(trial.layout)
    with pymongo.MongoClient(stack_of(trial.layout, ports).mongodb_uri()) as client:
        assert client["crm_contacts"]["things"].find_one({"_id": "kept"})


def test_up_refuses_a_public_port_that_is_taken(trial, make_trial):
    other = make_trial()
    other.environment["CRM_HTTP_PORT"] = trial.environment["CRM_HTTP_PORT"]

    up = other.command("up")

    assert up.returncode == 1
    assert "CRM_HTTP_PORT" in up.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("CRM_HTTP_PORT", "http"), ("CRM_HTTP_PORT", "70000"), ("CRM_TIME_ZONE", "Mars/Base")],
)
def test_up_refuses_a_setting_that_is_none_before_anything_is_started(make_trial, name, value):
    trial = make_trial()
    trial.environment[name] = value

    up = trial.command("up")

    assert up.returncode == 1
    assert up.stderr.startswith(f"{name}={value} is no")
    assert trial.processes() == []


def test_up_names_a_server_that_does_not_start(make_trial):
    trial = make_trial()
    trial.layout.create()
    (trial.layout.mongod / "WiredTiger.turtle").write_text("broken", encoding="utf-8")

    up = trial.command("up")

    assert up.returncode == 1
    assert "mongod is not ready" in up.stderr
    assert "WiredTiger" in up.stderr
    trial.command("down")


def test_a_run_that_finds_somebody_starting_the_stack_does_not_end_it(trial):
    before = trial.suite.pids

    with (trial.layout.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = trial.command("run")

    assert ran.returncode == 1
    assert "Somebody else" in ran.stderr
    assert trial.suite.pids == before


def test_an_empty_run_directory_is_none(monkeypatch):
    monkeypatch.setenv("CRM_RUN_DIR", "")

    assert layout_from_environment().folder == ROOT / ".run"


def test_reset_leaves_what_a_stack_did_not_make(make_trial):
    trial = make_trial()
    trial.layout.create()
    trial.layout.ports.write_text("{}", encoding="utf-8")
    (trial.layout.folder / "letters.txt").write_text("mine", encoding="utf-8")

    trial.command("reset", answer="yes\n")

    assert [path.name for path in trial.layout.folder.iterdir()] == ["letters.txt"]


def test_reset_deletes_nothing_when_nobody_answers(make_trial):
    trial = make_trial()
    trial.layout.create()
    trial.layout.ports.write_text("{}", encoding="utf-8")

    reset = trial.command("reset", answer="")

    assert reset.returncode == 0
    assert trial.layout.ports.exists()


def test_reset_asks_and_then_deletes(make_trial):
    trial = make_trial()
    trial.layout.create()
    trial.layout.ports.write_text("{}", encoding="utf-8")

    trial.command("reset", answer="\n")
    assert trial.layout.folder.exists()

    trial.command("reset", answer="y\n")
    assert not trial.layout.folder.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["restore"], "Say which backup"),
        (["restore", "--folder", "/nowhere"], "/nowhere is no backup"),
        (["backup"], "Nothing runs in"),
    ],
)
def test_what_cannot_be_backed_up_or_restored_starts_nothing(make_trial, arguments, said):
    trial = make_trial()

    done = trial.command(*arguments)

    assert done.returncode == 1
    assert said in done.stderr
    assert not trial.layout.ports.exists()


def test_a_backup_outlives_a_reset(make_trial):
    trial = make_trial()
    trial.layout.create()
    trial.layout.ports.write_text("{}", encoding="utf-8")
    kept = trial.layout.backups / "one" / "manifest.json"
    kept.parent.mkdir(parents=True)
    kept.touch()

    trial.command("reset", answer="yes\n")

    assert kept.exists()
