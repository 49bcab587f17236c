"""The stack that is measured: its own directory, its own ports, ended afterwards."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crm_chassis.testing.suite import Suite

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class BenchStack:
    """A stack in a folder; commands are those that `make` runs."""

    folder: Path
    port: int
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def suite(self) -> Suite:
        """The suite as its files tell of it."""
        return Suite(self.folder)

    @property
    def smtp_port(self) -> int:
        """The port of the mail sink."""
        ports = json.loads((self.folder / "ports.json").read_text(encoding="utf-8"))
        return int(ports["smtp"])

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
        names = [name for name in self.suite.pids if name.partition("/")[2] in kinds]
        with self.held_processes(*names):
            yield

    @contextmanager
    def held_processes(self, *names: str) -> Iterator[None]:
        """Hold these processes inside."""
        pids = [self.suite.pids[name] for name in names]
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
            "CRM_PROMETHEUS": "0",
            **self.variables,
        }
        folders = (str(ROOT / "tools"), told.get("PYTHONPATH"))
        told["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
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
