"""Panels that more than one dashboard shows: what was accepted, and that all of it is kept."""

from monitoring.grafana import GOOD_AT_ZERO, Query, number

CAPTURED = number(
    "Captured in a day",
    "Changes that the services accepted within the last day and the ledger has followed through "
    "all stages.",
    "short",
    Query("sum(max by (source) (crm_ledger_accepted))", "accepted"),
)
LEAKED = number(
    "Leaked",
    "Of these, what is missing at any later stage. It must be 0.",
    "short",
    Query("sum(max by (source) (crm_ledger_missing))", "missing"),
    steps=GOOD_AT_ZERO,
)
