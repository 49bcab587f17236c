"""The service's own metrics are told whatever becomes of its database."""

import time
from collections.abc import Iterator
from math import isnan

import pytest
from prometheus_client import REGISTRY, generate_latest

from crm_analytics.metrics import (
    JOURNAL_EVENTS,
    LEDGER_ACCEPTED,
    LEDGER_CHECKED,
    LEDGER_MISSING,
    watch_journal,
    watch_ledger,
)
from crm_chassis.mongo import connection


@pytest.fixture
def nobody() -> Iterator[None]:
    """A database that nobody serves."""
    connection.connect("mongodb://127.0.0.1:1/", "crm_analytics")
    watch_journal()
    watch_ledger(["sales"])
    yield
    connection.disconnect()
    for gauge in (LEDGER_ACCEPTED, LEDGER_MISSING, LEDGER_CHECKED):
        REGISTRY.unregister(gauge)
        gauge.clear()
    JOURNAL_EVENTS.set_function(lambda: 0.0)


def test_metrics_are_told_without_the_database(nobody):
    begun = time.monotonic()

    told = generate_latest(REGISTRY).decode()

    # The driver by itself waits for half a minute.
    assert time.monotonic() - begun < 15
    [line] = [line for line in told.splitlines() if line.startswith("crm_journal_events ")]
    assert isnan(float(line.split()[1]))
    assert 'crm_ledger_missing{source="sales"} NaN' in told
