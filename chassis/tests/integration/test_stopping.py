"""A process that is asked to stop ends in time, whatever it is at, and says what has not ended."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys, threading, time
from crm_chassis.stopping import stop_when_asked
from crm_chassis.telemetry.logging import start_logging

start_logging("probe", "probe")
stop = threading.Event()
stop_when_asked(stop.set, 0.3, 0.2)
"""
HOLDING = """
with stop._cond:
    signal.raise_signal(signal.SIGTERM)
stop.wait()
"""
ENDLESS = """
def work_on():
    while True:
        time.sleep(0.01)

threading.Thread(target=work_on, name="endless").start()
signal.raise_signal(signal.SIGINT)
stop.wait()
"""


@pytest.fixture
def run():
    def run(what: str) -> tuple[int, list[dict[str, object]]]:
        command = [sys.executable, "-c", PROGRAM + what]
        ended = subprocess.run(command, capture_output=True, check=False, text=True, timeout=20)
        return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]

    return run


def test_whoever_is_asked_while_holding_what_the_stop_needs_stops_as_well(run):
    code, told = run(HOLDING)

    assert code == 0
    assert [(line["event"], line["signal"]) for line in told] == [("stopping", "SIGTERM")]


def test_what_does_not_end_is_told_and_left(run):
    code, told = run(ENDLESS)

    assert code == 1
    places = {line["name"]: line["stack"] for line in told if line["event"] == "not ended"}
    assert "work_on" in places["endless"][-1]
    assert "MainThread" in places
    assert (told[0]["event"], told[-1]["event"]) == ("stopping", "stopped too late")
    assert told[-1]["grace"] == 0.5
