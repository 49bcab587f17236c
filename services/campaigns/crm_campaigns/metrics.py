"""The business metrics of the campaigns service."""

from prometheus_client import Counter

from crm_chassis.telemetry.metrics import expect

DELIVERIES = Counter(
    "crm_campaigns_deliveries_total", "Deliveries, by the state that they ended in.", ["state"]
)
expect(DELIVERIES, ("SENT", "SUPPRESSED", "FAILED", "UNKNOWN"))
