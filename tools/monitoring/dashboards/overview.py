"""Whether the suite keeps its promises: to users, and to what it was told to keep."""

from monitoring import places
from monitoring.dashboards.promises import CAPTURED, LEAKED
from monitoring.grafana import AMBER, GOOD_AT_ZERO, GREEN, RED, Dashboard, Query, Row, line, number
from monitoring.slo import read_slos

SLOS = read_slos(places.SLOS)
PROMISES = " ".join(f"{slo.name}: {slo.promise}" for slo in SLOS)

BUDGETS = Row(
    "Promises to users",
    (
        number(
            "Error budget left of 30 days",
            f"What may still fail in 30 days, of all that may; below 0 one is broken. {PROMISES}",
            "percentunit",
            Query(
                "min by (slo) (slo:error_budget:remaining_ratio)",
                "{{slo}}",
            ),
            kind="bargauge",
            width=12,
            height=9,
            steps=((None, RED), (0, AMBER), (0.25, GREEN)),
            limits=(0, 1),
        ),
        line(
            "How fast budgets burn",
            "How many times faster than they may the budgets of 30 days are used up, measured over "
            "an hour. From 14.4 on somebody is called.",
            "none",
            Query(
                "max by (slo) (slo:sli_error:ratio_rate1h) "
                "/ on (slo) (1 - max by (slo) (slo:objective:ratio))",
                "{{slo}}",
            ),
            steps=((None, GREEN), (1, AMBER), (14.4, RED)),
            height=9,
        ),
        line(
            "What fails, over an hour",
            "The part of what was asked that broke its promise within the last hour.",
            "percentunit",
            Query("max by (slo) (slo:sli_error:ratio_rate1h)", "{{slo}}"),
        ),
        line(
            "How much each promise is about",
            "Requests, views, events and RPCs within five minutes: with few, a part says little.",
            "short",
            Query("sum by (slo) (slo:sli_total:increase5m)", "{{slo}}"),
        ),
    ),
)
KEPT = Row(
    "What was told is kept",
    (
        CAPTURED,
        LEAKED,
        number(
            "Ledger looked at until",
            "How long ago the ledger of the slowest source was last reconciled.",
            "s",
            Query("time() - min(max by (source) (crm_ledger_checked_timestamp_seconds))", "behind"),
            steps=((None, GREEN), (600, AMBER), (1800, RED)),
        ),
        number(
            "Dead letters",
            "Messages that failed at every try and wait for somebody's decision.",
            "short",
            Query("sum(max by (queue) (crm_dlq_messages))", "waiting"),
            steps=GOOD_AT_ZERO,
        ),
        line(
            "Events a second",
            "Events committed with their change, published, and handled by reactions. Each event "
            "is handled once by every subscription that it concerns.",
            "ops",
            Query("sum(rate(crm_events_recorded_total[$__rate_interval]))", "recorded"),
            Query("sum(rate(crm_outbox_published_total[$__rate_interval]))", "published"),
            Query('sum(rate(crm_event_handled_total{outcome="ok"}[$__rate_interval]))', "handled"),
        ),
        line(
            "Oldest event that waits for the broker",
            "How long the oldest committed event of a service waits to be published.",
            "s",
            Query("max by (service) (crm_outbox_oldest_pending_age_seconds)", "{{service}}"),
            steps=((None, GREEN), (120, RED)),
        ),
    ),
)
TROUBLE = Row(
    "What is wrong now",
    (
        number(
            "Pages",
            "Alerts for which somebody is called.",
            "short",
            Query('count(ALERTS{alertstate="firing",severity="page"}) or vector(0)', "firing"),
            steps=GOOD_AT_ZERO,
        ),
        number(
            "Tickets",
            "Alerts that can wait for a working day.",
            "short",
            Query('count(ALERTS{alertstate="firing",severity="ticket"}) or vector(0)', "firing"),
            steps=((None, GREEN), (1, AMBER)),
        ),
        number(
            "Processes that do not answer",
            "Targets that did not answer their last scrape.",
            "short",
            Query('count(up{job=~"crm-.*|rabbitmq"} == 0) or vector(0)', "down"),
            steps=GOOD_AT_ZERO,
        ),
        number(
            "Dependencies away",
            "How many processes get no answer from something that they need.",
            "short",
            Query("count(crm_dependency_up == 0) or vector(0)", "away"),
            steps=GOOD_AT_ZERO,
        ),
    ),
)

DASHBOARD = Dashboard(
    "crm-overview",
    "CRM / Overview",
    "Begin here: promises, what was captured and whether any of it leaked, what is wrong now.",
    (BUDGETS, KEPT, TROUBLE),
)
