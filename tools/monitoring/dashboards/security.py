"""Who was not let in, what was turned away, what was asked twice."""

from monitoring.grafana import JOB, Dashboard, Query, Row, line

CALLERS = Row(
    "Callers",
    (
        line(
            "Not let in by the gateway",
            "Requests without an API key that counts, by why.",
            "ops",
            Query(
                "sum by (reason) "
                '(rate(crm_auth_failures_total{job="crm-gateway"}[$__rate_interval]))',
                "{{reason}}",
            ),
        ),
        line(
            "Not let in by services",
            "Calls whose internal token does not count, by service and why. There should be none.",
            "ops",
            Query(
                "sum by (job, reason) (rate(crm_auth_failures_total"
                '{job=~"$job",job!="crm-gateway"}[$__rate_interval])) > 0',
                "{{job}} {{reason}}",
            ),
        ),
        line(
            "Not allowed",
            "RPCs that were refused because the caller may not do that.",
            "ops",
            Query(
                "sum by (service, method) (rate(crm_grpc_server_handled_total"
                '{job=~"$job",code="PERMISSION_DENIED"}[$__rate_interval])) > 0',
                "{{service}} {{method}}",
            ),
        ),
        line(
            "Paths that there are none of",
            "Requests for paths that the gateway does not know: somebody tries, or a link is old.",
            "reqps",
            Query(
                "sum by (method) (rate(crm_http_requests_total"
                '{job="crm-gateway",route="unmatched"}[$__rate_interval]))',
                "{{method}}",
            ),
        ),
    ),
)
LOAD = Row(
    "Load and repetition",
    (
        line(
            "Turned away",
            "Requests turned away: the deadline all but over, a peer full, all places for streams "
            "taken, a caller over its limit.",
            "ops",
            Query(
                "sum by (service, reason) "
                '(rate(crm_shed_requests_total{job=~"$job"}[$__rate_interval]))',
                "{{service}} {{reason}}",
            ),
        ),
        line(
            "Answered from the record of an earlier request",
            "Requests that were repeated with the same idempotency key.",
            "ops",
            Query(
                "sum by (service) "
                '(rate(crm_idempotency_replays_total{job=~"$job"}[$__rate_interval]))',
                "{{service}}",
            ),
        ),
    ),
)

DASHBOARD = Dashboard(
    "crm-security",
    "CRM / Security",
    "Callers who were not let in or not allowed, load that was turned away, requests repeated.",
    (CALLERS, LOAD),
    (JOB,),
)
