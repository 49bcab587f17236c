"""One suite for all tests that need several services: a stack of its own, empty at first."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.suite import Client, Suite

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """The whole suite, started for this run on free ports and ended after it."""
    folder = tmp_path_factory.mktemp("suite")
    variables = {
        **os.environ,
        "CRM_RUN_DIR": str(folder / "run"),
        "CRM_HTTP_PORT": str(free_ports(1)[0]),
        "CRM_DEMO": "0",
        "PYTHONPATH": str(ROOT / "tools"),
    }

    def stack(command: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "stack", command],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        stack("up")
        yield Suite(folder / "run")
    finally:
        stack("down")


@pytest.fixture
def admin(suite: Suite) -> Client:
    """A client with an administrator's key."""
    return suite.client()


@pytest.fixture
def word() -> str:
    """A word that no other test has used."""
    return "w" + uuid.uuid4().hex[:12]
