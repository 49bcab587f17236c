"""Starts a bare gateway with its empty services, and ends them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.load import Connection, Target
from bench.stack import ROOT, free_port
from crm_chassis.testing.waiting import wait_until


@contextmanager
def bare_gateway(services: int) -> Iterator[Target]:
    """A bare Flask route in front of so many empty gRPC servers."""
    ports = [str(free_port()) for _ in range(services)]
    front = str(free_port())
    commands = [["bench.yardsticks.empty_service", port] for port in ports]
    commands.append(["bench.yardsticks.bare_gateway", front, *ports])
    started = [
        subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, stdout=subprocess.DEVNULL)
        for command in commands
    ]
    target = Target(f"http://127.0.0.1:{front}")
    try:
        wait_until(lambda: _answers(target), timeout=30)
        yield target
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def _answers(target: Target) -> bool:
    try:
        connection = Connection(target)
    except OSError:
        return False
    try:
        return connection.ask(target.request("GET", "/"))[0] == 200
    except OSError:
        return False
    finally:
        connection.close()
