"""Telemetry under eventlet: probes answer, spans arrive, and nothing of gRPC is loaded."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from crm_chassis.testing.otlp import collector
from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.waiting import PATIENCE, wait_until

PROGRAM = Path(__file__).with_name("green_process.py")


@pytest.fixture
def collecting():
    with collector() as collecting:
        yield collecting


@pytest.fixture
def process(collecting):
    address = f"127.0.0.1:{free_ports(1)[0]}"
    started = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(PROGRAM), address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **collecting.variables},
        text=True,
    )
    started.address = f"http://{address}"
    yield started
    started.kill()
    started.communicate()


def test_probes_and_traces_work_on_green_threads(process, collecting):
    listening = json.loads(process.stdout.readline())
    with urlopen(f"{process.address}/readyz", timeout=30) as answer:
        ready = json.load(answer)
    with urlopen(f"{process.address}/metrics", timeout=30) as answer:
        shown = answer.read().decode()

    wait_until(lambda: len(collecting.spans) == 3, what="three spans")
    process.communicate(timeout=PATIENCE)

    assert listening["event"] == "listening"
    assert ready == {"ok": True, "checks": {"rabbitmq": "ok"}}
    assert "process_resident_memory_bytes" in shown
    assert sorted(each.name for each in collecting.spans) == ["react 0", "react 1", "react 2"]
    assert process.returncode == 0
