"""The business metrics of the contacts service."""

from prometheus_client import Counter

from crm_chassis.telemetry.metrics import expect

IMPORTED_ROWS = Counter(
    "crm_contacts_imported_rows_total", "Rows of imports, by what became of them.", ["outcome"]
)
expect(IMPORTED_ROWS, ("created", "updated", "skipped", "failed"))
