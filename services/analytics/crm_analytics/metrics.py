"""What the analytics service measures of its own business."""

from prometheus_client import Gauge

from crm_analytics.journal.queries import journal_size

JOURNAL_EVENTS = Gauge("crm_journal_events", "Events in the journal.")
JOURNAL_LAG = Gauge(
    "crm_journal_lag_seconds",
    "From the change to its archiving, for the oldest event of the batch archived last.",
)


def watch_journal() -> None:
    """Ask for the journal's size whenever somebody asks for the metrics."""
    JOURNAL_EVENTS.set_function(journal_size)
