"""One trace runs into the reaction, of each event of a batch."""

from collections import Counter

import pytest

from crm_chassis.testing.messages import an_event
from crm_chassis.testing.otlp import collector
from crm_chassis.testing.waiting import wait_until


@pytest.fixture
def spans(monkeypatch):
    """What consumers of this test tell a collector."""
    with collector() as collecting:
        for name, value in collecting.variables.items():
            monkeypatch.setenv(name, value)
        yield collecting.spans


def test_the_trace_of_each_event_of_a_batch_has_its_reaction(log, broker, consumer, spans):
    traces = [f"{number:032x}" for number in range(1, 13)]
    events = [an_event(traceparent=f"00-{trace}-{'2' * 16}-01") for trace in traces]
    unsampled = an_event()
    consumer.start("Batches").ready().stop()
    broker.publish(*events, unsampled)

    process = consumer.start("Batches")
    wait_until(lambda: log["effects"].count_documents({}) == len(events) + 1)
    # When it ends it waits for the collector for a moment only.
    wait_until(lambda: len(spans) >= len(traces), what="the spans")
    process.stop()

    assert max(row["batch"] for row in log["effects"].find()) > 1
    found = Counter((each.trace, each.parent) for each in spans)
    assert found == Counter((trace, "2" * 16) for trace in traces)
