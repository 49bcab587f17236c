"""Alerts in a real Prometheus and a real Alertmanager, of the suite as it runs."""

import pytest
from faults.processes import frozen
from observability.watching import alertmanager, prometheus

from crm_chassis.testing.waiting import wait_until


@pytest.fixture
def told(tmp_path):
    """An Alertmanager with our configuration."""
    with alertmanager(tmp_path) as told:
        yield told


def test_a_relay_that_hangs_is_paged_for_and_the_page_ends_when_it_goes_on(
    suite, admin, told, tmp_path
):
    with prometheus(suite, "crm-contacts", told, tmp_path):
        with frozen(suite, "contacts/relay"):
            admin.post("/v1/contacts", {"givenName": "Ann"}).ok()

            [alert] = wait_until(lambda: told.alerts("OutboxStuck"), every=0.2, what="an alert")

            assert alert["labels"]["service"] == "contacts"
            assert alert["receivers"] == [{"name": "pager"}]
            assert alert["annotations"]["runbook_url"] == "docs/runbooks/outbox-stuck.md"

        wait_until(lambda: not told.alerts("OutboxStuck"), every=0.2, what="its end")


def test_a_broker_without_room_explains_what_waits_for_it(told):
    stuck = {"alertname": "OutboxStuck", "service": "sales", "severity": "page"}

    told.tell({"alertname": "BrokerAlarm", "severity": "page"}, stuck)

    wait_until(lambda: is_inhibited(told, "OutboxStuck"), what="silence")
    assert not is_inhibited(told, "BrokerAlarm")


def test_what_waits_is_not_called_lost(told):
    absent = {"alertname": "ConsumerAbsent", "queue": "analytics.anything-happened"}

    told.tell(absent, {"alertname": "LedgerMissing", "source": "sales", "severity": "page"})

    wait_until(lambda: is_inhibited(told, "LedgerMissing"), what="silence")


def test_without_a_gateway_nobody_is_called_for_its_promises(told):
    burn = {"alertname": "GatewayAvailabilityBurn", "slo": "gateway-availability"}
    other = {"alertname": "EventFreshnessBurn", "slo": "event-freshness", "severity": "page"}

    told.tell({"alertname": "GatewayDown", "severity": "page"}, burn, other)

    wait_until(lambda: is_inhibited(told, "GatewayAvailabilityBurn"), what="silence")
    assert not is_inhibited(told, "EventFreshnessBurn")


def is_inhibited(told, name):
    return any(alert["status"]["inhibitedBy"] for alert in told.alerts(name))
