"""The page of operations judges its figures by the thresholds that the alerts have."""

from pathlib import Path

import pytest
import yaml

from crm_gateway.ops import rules

ALERTS = Path(__file__).resolve().parents[2] / "deploy/observability/rules/alerts.yaml"


@pytest.mark.parametrize(
    ("alert", "threshold"),
    [
        ("OutboxStuck", rules.OUTBOX_AGE),
        ("ConsumerStalled", rules.PROGRESS_AGE),
        ("TimersLate", rules.TIMER_AGE),
        ("LedgerStale", rules.LEDGER_AGE),
        ("DeadLettersPiling", rules.MANY_DEAD),
        ("DeadLettersPiling", rules.DAY),
        ("RetriesHigh", rules.MANY_RETRIES),
        ("BreakerOpen", rules.OPEN),
    ],
)
def test_a_figure_is_not_well_where_its_alert_is(alert, threshold):
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    [expression] = [
        rule["expr"] for group in groups for rule in group["rules"] if rule["alert"] == alert
    ]

    words = expression.replace(")", " ").split()

    assert f"{threshold:.10g}" in words
