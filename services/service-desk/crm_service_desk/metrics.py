"""The business metrics of the service desk."""

from functools import partial

from prometheus_client import Counter, Gauge

from crm_chassis.mongo.gauges import ask_when_scraped
from crm_chassis.telemetry.metrics import expect
from crm_service_desk.targets.queries import count_breached
from crm_service_desk.targets.rules import TARGETS

TARGETS_BREACHED = Counter(
    "crm_service_desk_targets_breached_total", "Cases whose time ran out, by target.", ["target"]
)
BREACHED_CASES = Gauge(
    "crm_service_desk_breached_cases",
    "Cases that somebody still works on and whose time has run out, by target.",
    ["target"],
)
expect(TARGETS_BREACHED, TARGETS)


def watch_cases() -> None:
    """Ask for the cases that have breached a target whenever somebody asks for the metrics."""
    for target in TARGETS:
        ask_when_scraped(BREACHED_CASES.labels(target), partial(count_breached, target))
