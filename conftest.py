"""What every test is run with: the servers' fixtures, the scale, and no skips in CI."""

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

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
    """Gives the tests that share a stack to one worker, any other test to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ALONE):
            return nodeid
        return next((place for place in SHARING if nodeid.startswith(place)), nodeid)


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
