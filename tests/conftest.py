"""One suite for all tests that need several services: a stack of its own, empty at first."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from crm_chassis.testing.otlp import Collector, collector
from crm_chassis.testing.ports import free_ports, hold_ports
from crm_chassis.testing.suite import Client, Suite
from stack.layout import Layout
from stack.ports import kept_ports

ROOT = Path(__file__).resolve().parents[1]

# `make e2e-cluster` alone has a cluster.
collect_ignore = [] if "CRM_E2E_CLUSTER" in os.environ else ["cluster"]


@pytest.fixture(scope="session")
def spans() -> Iterator[Collector]:
    """What the suite's processes record: the traces that a caller asks them to."""
    with collector() as collecting:
        yield collecting


@dataclass(frozen=True)
class OwnStack:
    """A stack of this run's own, in its own folder and on free ports."""

    folder: Path
    port: int
    variables: Mapping[str, str]

    @property
    def suite(self) -> Suite:
        return Suite(self.folder)

    def do(self, command: str, *arguments: str) -> str:
        """Run a command of the stack, as `make` does; gives what it said."""
        told = {"CRM_RUN_DIR": str(self.folder), "CRM_HTTP_PORT": str(self.port), "CRM_DEMO": "0"}
        done = subprocess.run(
            [sys.executable, "-m", "stack", command, *arguments],
            cwd=ROOT,
            env={**os.environ, **self.variables, **told, "PYTHONPATH": str(ROOT / "tools")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        # A killed process listens nowhere until it is there again.
        hold_ports(kept_ports(Layout(self.folder)).values())
        return done.stdout


def own_stack(factory: pytest.TempPathFactory, **variables: str) -> OwnStack:
    """A stack that has not been started; its processes are told these variables as well."""
    return OwnStack(factory.mktemp("suite") / "run", free_ports(1)[0], variables)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, spans: Collector) -> Iterator[OwnStack]:
    """The stack of this run: empty at first, and ended after it."""
    # Twenty processes that look for spans ten times a second take a tenth of a processor.
    seldom = {"OTEL_BSP_SCHEDULE_DELAY": "1000", "OTEL_TRACES_SAMPLER": "parentbased_always_off"}
    told = {**spans.variables, **seldom}
    stack = own_stack(tmp_path_factory, **told)
    try:
        stack.do("up")
        yield stack
    finally:
        stack.do("down")


@pytest.fixture(scope="session")
def suite(stack: OwnStack) -> Suite:
    """The whole suite, started for this run on free ports and ended after it."""
    return stack.suite


@pytest.fixture
def empty_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnStack]:
    """One more stack, in which nothing has been started; ended after the test."""
    stack = own_stack(tmp_path_factory, CRM_PROMETHEUS="0")
    yield stack
    stack.do("down")


@pytest.fixture
def admin(suite: Suite) -> Client:
    """A client with an administrator's key."""
    return suite.client()


@pytest.fixture
def word() -> str:
    """A word that no other test has used."""
    return "w" + uuid.uuid4().hex[:12]
