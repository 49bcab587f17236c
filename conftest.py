"""What every test is run with: the servers' fixtures, the scale, and no skips in CI."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["crm_chassis.testing.fixtures"]

# 1 in `make test`; `make verify` runs the same tests at full length through a larger number.
SCALE = float(os.environ.get("CRM_TEST_SCALE", "1"))

settings.register_profile(
    "suite",
    max_examples=int(50 * SCALE),
    deadline=None,
    derandomize="CI" in os.environ,
    print_blob=True,
)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def scale() -> float:
    """How long a test runs that can be shortened: 1 in `make test`, more in `make verify`."""
    return SCALE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that need the whole suite share one stack, so one worker runs them all."""
    for item in items:
        if {"e2e", "faults", "load"} & set(Path(item.path).parts):
            item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A skipped test is a failure in CI: it proves nothing."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped: {report.longrepr[2]}"
    return report
