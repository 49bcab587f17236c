"""Requests to the gateway from inside of the cluster, while a test does something to the suite."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.installation import KEY, Installation

from crm_chassis.testing.waiting import wait_until
from deployment.lifecycle import SUITE
from deployment.programs import found

LOAD = Path(__file__).with_name("load.py")
CLIENT, STOP, STARTED = "client", "/tmp/stop", "/tmp/started"
URL = f"http://{SUITE}-gateway"


@dataclass
class Pressure:
    """What became of the requests; told at the end."""

    told: dict[str, Any] = field(default_factory=dict)

    def assert_nothing_failed(self) -> None:
        """Raises AssertionError when a request did."""
        assert self.told["answers"] > 0
        assert self.told["failed"] == 0, "\n".join(self.told["failures"])


@contextmanager
def pressure(installation: Installation) -> Iterator[Pressure]:
    """Requests that begin before the test goes on, and end after it."""
    installation.start_pod(CLIENT, ["sleep", "3600"])
    installation.kubectl("wait", f"pod/{CLIENT}", "--for=condition=Ready", "--timeout=60s")
    namespace = installation.deployment.cluster.namespace
    command = [found("kubectl"), "--namespace", namespace, "exec", "-i", CLIENT, "--"]
    outcome = Pressure()
    with LOAD.open("rb") as program:
        running = subprocess.Popen(
            [*command, "python", "-", URL, KEY, STARTED, STOP],
            stdin=program,
            stdout=subprocess.PIPE,
            text=True,
        )
    try:
        _wait_for_answers(installation)
        yield outcome
    finally:
        installation.kubectl("exec", CLIENT, "--", "touch", STOP)
        told, _ = running.communicate(timeout=60)
        installation.remove_pod(CLIENT)
    outcome.told = json.loads(told)


def _wait_for_answers(installation: Installation) -> None:
    command = ["exec", CLIENT, "--", "ls", "/tmp"]
    wait_until(lambda: "started" in installation.kubectl(*command), 60, 0.5, "an answer")
