"""What the analytics service measures of its own business."""

from collections.abc import Iterable, Mapping
from functools import partial
from math import nan
from threading import Lock
from time import monotonic

from prometheus_client import REGISTRY, Gauge

from crm_analytics.journal.queries import journal_size
from crm_analytics.ledger.queries import figures_of_sources
from crm_chassis.mongo.failures import PROBE_SECONDS, time_limit
from crm_chassis.mongo.gauges import ask_when_scraped

# Told by who watches it, and by no other process that imports this.
JOURNAL_EVENTS = Gauge("crm_journal_events", "Events in the journal.", registry=None)
LEDGER_ACCEPTED = Gauge(
    "crm_ledger_accepted",
    "Changes of the last day that were promised to somebody, as far as they were reconciled.",
    ["source"],
    registry=None,
)
LEDGER_MISSING = Gauge(
    "crm_ledger_missing",
    "Events of the last day that some stage lacks between promise and journal. It must be 0.",
    ["source"],
    registry=None,
)
LEDGER_CHECKED = Gauge(
    "crm_ledger_checked_timestamp_seconds",
    "Up to when the source has been reconciled: every minute before was looked at and answered.",
    ["source"],
    registry=None,
)
_FIGURES: Mapping[str, Gauge] = {
    "accepted": LEDGER_ACCEPTED,
    "missing": LEDGER_MISSING,
    "checked": LEDGER_CHECKED,
}
# A scrape asks for a dozen figures at once: one look at the rows answers all of them.
_TOGETHER = 1.0


def watch_journal() -> None:
    """Ask for the journal's size whenever somebody asks for the metrics."""
    ask_when_scraped(JOURNAL_EVENTS, journal_size)
    REGISTRY.register(JOURNAL_EVENTS)


def watch_ledger(sources: Iterable[str]) -> None:
    """Tell of the ledger whenever somebody asks for the metrics, first of these sources."""
    tell_of_sources(sources)
    for gauge in _FIGURES.values():
        REGISTRY.register(gauge)


def tell_of_sources(sources: Iterable[str]) -> None:
    """Tell of these sources as well."""
    for source in sources:
        for name, gauge in _FIGURES.items():
            gauge.labels(source).set_function(partial(_ledger.figure, name, source))


class _Ledger:
    """What the ledger's rows come to, as of a moment ago."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._due = 0.0
        self._figures: Mapping[str, Mapping[str, float]] | None = None

    def figure(self, name: str, source: str) -> float:
        """A figure of a source; not a number while the database does not tell."""
        with self._lock:
            if monotonic() >= self._due:
                self._read()
                self._due = monotonic() + _TOGETHER
            return nan if self._figures is None else self._figures[name][source]

    def _read(self) -> None:
        self._figures = None
        try:
            with time_limit(PROBE_SECONDS):
                self._figures = figures_of_sources()
        except Exception:  # noqa: BLE001 - whatever it is, all other metrics are still told
            return


_ledger = _Ledger()
