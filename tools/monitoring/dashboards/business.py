"""What the company does with the suite: what was captured, cases in time, mails sent."""

from monitoring.dashboards.promises import CAPTURED, LEAKED
from monitoring.grafana import GOOD_AT_ZERO, GREEN, RED, Dashboard, Query, Row, line, number

KEPT = Row(
    "Captured",
    (
        CAPTURED,
        LEAKED,
        number(
            "In the journal",
            "Events of all services that analytics keeps for ever.",
            "short",
            Query("max(crm_journal_events)", "events"),
        ),
        number(
            "Cases past a target now",
            "Open cases whose first response or resolution is overdue.",
            "short",
            Query("sum(max by (target) (crm_service_desk_breached_cases))", "cases"),
            steps=GOOD_AT_ZERO,
        ),
        line(
            "Changes, by type",
            "The fifteen types of events that happen most, as many as there were in the interval.",
            "short",
            Query(
                "topk(15, sum by (event_type) "
                "(increase(crm_events_recorded_total[$__rate_interval])) > 0)",
                "{{event_type}}",
            ),
            stacked=True,
        ),
        line(
            "Captured and leaked, by source",
            "What the ledger found of the last day: accepted by a service, and missing later.",
            "short",
            Query("max by (source) (crm_ledger_accepted)", "{{source}} accepted"),
            Query("max by (source) (crm_ledger_missing)", "{{source}} missing"),
        ),
        line(
            "Rows of imports",
            "Rows of imported files, by what became of them.",
            "short",
            Query(
                "sum by (outcome) (increase(crm_contacts_imported_rows_total[$__rate_interval]))",
                "{{outcome}}",
            ),
            stacked=True,
        ),
        line(
            "How far behind the ledger is",
            "Since when the ledger of each source has not been reconciled.",
            "s",
            Query("time() - max by (source) (crm_ledger_checked_timestamp_seconds)", "{{source}}"),
            steps=((None, GREEN), (1800, RED)),
        ),
    ),
)
CASES = Row(
    "Cases",
    (
        line(
            "Open cases past their target",
            "Customers who wait longer than was promised, by what they wait for.",
            "short",
            Query("max by (target) (crm_service_desk_breached_cases)", "{{target}}"),
        ),
        line(
            "Targets that were missed",
            "Cases whose time ran out in the interval.",
            "short",
            Query(
                "sum by (target) "
                "(increase(crm_service_desk_targets_breached_total[$__rate_interval]))",
                "{{target}}",
            ),
        ),
    ),
)
MAILINGS = Row(
    "Mailings",
    (
        line(
            "Deliveries, by how they ended",
            "Mails of campaigns in the interval. Of UNKNOWN nobody can tell whether they went.",
            "short",
            Query(
                "sum by (state) (increase(crm_campaigns_deliveries_total[$__rate_interval]))",
                "{{state}}",
            ),
            stacked=True,
            width=24,
        ),
    ),
)

DASHBOARD = Dashboard(
    "crm-business",
    "CRM / Business",
    "What was captured and whether any of it leaked, cases that breach their targets, mailings.",
    (KEPT, CASES, MAILINGS),
)
