"""A stack of a test's own, driven like a person does it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from crm_chassis.testing.guardian import after_run
from crm_chassis.testing.ports import free_ports, hold_ports
from crm_chassis.testing.suite import Suite
from crm_chassis.testing.waiting import wait_until
from stack.layout import ROOT, Layout
from stack.leftovers import marked_processes
from stack.ports import kept_ports
from stack.programs import TOOLS


@dataclass(frozen=True)
class Trial:
    """A stack in a directory of its own, with the variables that its commands are given."""

    layout: Layout
    environment: dict[str, str]

    def command(self, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of the stack, with `answer` for what it asks."""
        return subprocess.run(
            [sys.executable, "-m", "stack", *arguments],
            env={**os.environ, **self.environment},
            cwd=ROOT,
            input=answer,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def up(self) -> None:
        """Start it.

        Raises:
            RuntimeError: it does not get ready; tells why.
        """
        up = self.command("up")
        if up.returncode:
            raise RuntimeError(up.stderr)
        hold_ports(kept_ports(self.layout).values())

    @property
    def suite(self) -> Suite:
        """The suite as its files tell of it."""
        return Suite(self.layout.folder)

    def replace(self, name: str) -> None:
        """Kill a process, and wait until another one has its place."""
        killed = self.suite.kill(name)
        wait_until(
            lambda: self.suite.pids.get(name, killed) != killed,
            every=0.005,
            what=f"another {name}",
        )

    def processes(self) -> list[int]:
        """Every process that belongs to this stack, whoever started it."""
        return marked_processes(self.layout)


def new_trial(folder: Path, **environment: str) -> Trial:
    """A stack below `folder` that is not up yet. Whatever runs of it ends with the test run."""
    variables = {
        "CRM_RUN_DIR": str(folder / "run"),
        "CRM_HTTP_PORT": str(free_ports(1)[0]),
        "CRM_DEMO": "0",
        "PYTHONPATH": TOOLS,
        **environment,
    }
    after_run([sys.executable, "-m", "stack", "down"], variables)
    return Trial(Layout(folder / "run"), variables)
