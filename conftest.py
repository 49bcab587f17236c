"""What every test is run with: the servers' fixtures, the scale, and no skips in CI."""

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

pytest_plugins = ["crm_chassis.testing.fixtures"]

# 1 in `make test`; `make verify` runs the same tests at full length through a larger number.
SCALE = float(os.environ.get("CRM_TEST_SCALE", "1"))

# Tests that share a stack: the whole suite, or one whose services do nothing but answer.
SHARING = ("tests/", "tools/tests/")
# What lies in such a place and needs no stack.
ALONE = ("tests/helm/",)

settings.register_profile(
    "suite",
    max_examples=int(50 * SCALE),
    deadline=None,
    # How fast examples are made up tells of the machine.
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
    print_blob=True,
)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def scale() -> float:
    """How long a test runs that can be shortened: 1 in `make test`, more in `make verify`."""
    return SCALE


class StackTogether(LoadScopeScheduling):
    """Gives the tests that share a stack to one worker, any other test to whoever is free.

    A worker that crashes fails one test: the library's own scheduler would then hand out again
    what is done, and wait for ever for the worker that took its place.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ALONE):
            return nodeid
        return next((place for place in SHARING if nodeid.startswith(place)), nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        left = {
            scope: unit
            for scope, unit in self.assigned_work.pop(node).items()
            if not all(unit.values())
        }
        if not left:
            return None
        under_way = next(iter(left.values()))
        crashed = next(test for test, done in under_way.items() if not done)
        under_way[crashed] = True
        self.workqueue.update(left)
        for other in self.nodes:
            self._reschedule(other)
        return crashed

    def _reschedule(self, node: WorkerController) -> None:
        """A worker begins a test only once it knows the next one, or that there is none."""
        if node not in self.registered_collections:
            return
        while self.workqueue and not node.shutting_down and self._waits(node):
            self._assign_work_unit(node)
        super()._reschedule(node)

    def _waits(self, node: WorkerController) -> bool:
        return self._pending_of(self.assigned_work[node]) < 2


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> StackTogether:
    """Spread the tests so that the whole suite runs once."""
    return StackTogether(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test is a failure in CI: it proves nothing."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped: {report.longreprtext}"
    return report
