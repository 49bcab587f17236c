"""Where the files are that Prometheus and Grafana are given, and the pages that go with them."""

import re

from generated import ROOT

FOLDER = ROOT / "deploy" / "observability"
SLOS = FOLDER / "slo.yaml"
RULES = FOLDER / "rules"
SLO_RULES = RULES / "slo.yaml"
TESTS = FOLDER / "tests"
DASHBOARDS = FOLDER / "dashboards"
ALERTMANAGER = FOLDER / "alertmanager.yaml"
RUNBOOKS = ROOT / "docs" / "runbooks"


def kebab(alert: str) -> str:
    """`OutboxStuck` as `outbox-stuck`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", alert).lower()


def runbook_of(alert: str) -> str:
    """The page of an alert, as a path of this repository. Who publishes it puts more before it."""
    return f"docs/runbooks/{kebab(alert)}.md"
