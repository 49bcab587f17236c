"""What the analytics service measures of its own business."""

from math import nan

from prometheus_client import Gauge

from crm_analytics.journal.queries import journal_size
from crm_chassis.mongo.failures import PROBE_SECONDS, time_limit

JOURNAL_EVENTS = Gauge("crm_journal_events", "Events in the journal.")
JOURNAL_LAG = Gauge(
    "crm_journal_lag_seconds",
    "From the change to its archiving, for the oldest event of the batch archived last.",
)


def watch_journal() -> None:
    """Ask for the journal's size whenever somebody asks for the metrics."""
    JOURNAL_EVENTS.set_function(_size)


def _size() -> float:
    """How many events there are; not a number while the database does not tell."""
    try:
        with time_limit(PROBE_SECONDS):
            return journal_size()
    except Exception:  # noqa: BLE001 - whatever it is, all other metrics are still told
        return nan
