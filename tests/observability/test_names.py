"""Every metric that a rule, a dashboard or a runbook asks for is told by somebody."""

import json
from contextlib import suppress
from urllib.request import urlopen

from contract.whole import view_of
from observability.runbooks import PAGES, blocks
from observability.scrapes import scrape_all
from prometheus_client.parser import text_string_to_metric_families

from crm_chassis.testing.waiting import wait_until
from monitoring import alerts, pages
from monitoring.promql import metric_names, with_values
from stack.layout import Layout
from stack.ports import kept_ports
from stack.prometheus import QUEUE_FAMILIES

# What Prometheus tells by itself.
BY_PROMETHEUS = {"up", "ALERTS"}


def test_every_metric_that_is_asked_for_is_told(suite, admin):
    """Durations appear with first use: one customer is made and looked at."""
    contact = admin.post("/v1/contacts", {"givenName": "Ann"}).ok()
    view_of(admin, contact["name"])
    known = BY_PROMETHEUS | {rule["record"] for rule in alerts.rules() if "record" in rule}

    def untold():
        return asked_for() - known - told_by_processes(suite) - told_by_broker(suite)

    with suppress(TimeoutError):
        wait_until(lambda: not untold(), every=0.5)

    assert untold() == set()


def asked_for():
    """The names in all rules, dashboards and runbooks."""
    asked = [rule["expr"] for rule in alerts.rules()]
    for file in pages.dashboard_files():
        dashboard = json.loads(file.read_text(encoding="utf-8"))
        asked += map(with_values, pages.expressions(dashboard))
    asked += [line for page in PAGES for line in blocks(page, "promql")]
    return set().union(*map(metric_names, asked))


def told_by_processes(suite):
    scrapes = scrape_all(suite).values()
    families = [family for scrape in scrapes for family in scrape.values()]
    return {sample.name for family in families for sample in family.samples}


def told_by_broker(suite):
    port = kept_ports(Layout(suite.folder))["rabbitmq-metrics"]
    queues = "&".join(f"family={name}" for name in QUEUE_FAMILIES)
    names = set()
    for path in ("/metrics", f"/metrics/detailed?{queues}"):
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            families = text_string_to_metric_families(answer.read().decode())
            names |= {sample.name for family in families for sample in family.samples}
    return names
