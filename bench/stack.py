"""The stack that is measured: its own directory, its own ports, ended afterwards."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crm_chassis.testing.suite import Suite

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class BenchStack:
    """A stack in a folder; commands are those that `make` runs."""

    folder: Path
    port: int

    @property
    def suite(self) -> Suite:
        """The suite as its files tell of it."""
        return Suite(self.folder)

    def up(self) -> float:
        """Start it, and tell how many seconds that took."""
        started = time.monotonic()
        self._make("up")
        return time.monotonic() - started

    def down(self) -> None:
        """End it."""
        self._make("down")

    @contextmanager
    def held(self, *kinds: str) -> Iterator[None]:
        """Hold every process of these kinds (`relay`, `consumer`) inside."""
        pids = [pid for name, pid in self.suite.pids.items() if name.partition("/")[2] in kinds]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def _make(self, command: str) -> None:
        told = {
            "CRM_RUN_DIR": str(self.folder),
            "CRM_HTTP_PORT": str(self.port),
            "CRM_DEMO": "0",
            "PYTHONPATH": str(ROOT / "tools"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "stack", command],
            cwd=ROOT,
            env={**os.environ, **told},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
