"""What operators look at shows a process that hangs, although nobody asks anything of it."""

import signal

import pytest

from crm_chassis.testing.waiting import wait_until
from crm_gateway.crmctl.program import main


@pytest.fixture
def frozen(suite):
    """Lets a process hang until the end of the test."""
    stopped = []

    def freeze(process):
        stopped.append(process)
        suite.kill(process, signal.SIGSTOP)

    yield freeze
    for process in stopped:
        suite.kill(process, signal.SIGCONT)


@pytest.fixture
def doctor(suite, monkeypatch, capsys):
    """Runs `crmctl doctor`; gives its code and what it said."""
    for name in ("CRM_URL", "CRM_API_KEY"):
        monkeypatch.setenv(name, suite.env[name])

    def run():
        code = main(["doctor"])
        return code, capsys.readouterr().out

    return run


def test_processes_that_hang_are_told_of_without_any_traffic(admin, frozen, doctor):
    hanging = {"sales/relay", "campaigns/consumer"}

    def told():
        return hanging & {one["subject"] for one in admin.get("/ops/data").ok()["problems"]}

    wait_until(lambda: told() == set(), what="no problem that was there before")
    for process in hanging:
        frozen(process)
    wait_until(lambda: told() == hanging)

    code, said = doctor()

    assert code == 1
    for process in hanging:
        [line] = [line for line in said.splitlines() if line.startswith(f"FAIL  {process}: ")]
        assert "does not answer" in line
    assert "see: docs/runbooks/target-absent.md" in said
