"""What users of the API feel: requests, errors, durations, and the customer view."""

from monitoring.grafana import AMBER, GREEN, RED, Dashboard, Query, Row, Variable, line

G = 'job="crm-gateway",route=~"$route"'
ROUTE = Variable(
    "route", "Route", 'label_values(crm_http_requests_total{job="crm-gateway"}, route)'
)
BUCKETS = f"crm_http_request_duration_seconds_bucket{{{G}}}"

REQUESTS = Row(
    "Requests",
    (
        line(
            "Requests a second, by status",
            "Answers by the class of their status.",
            "reqps",
            Query(
                f"sum by (status) (rate(crm_http_requests_total{{{G}}}[$__rate_interval]))",
                "{{status}}",
            ),
            stacked=True,
        ),
        line(
            "Requests a second, by route",
            "The ten routes that are asked most.",
            "reqps",
            Query(
                "topk(10, sum by (method, route) "
                f"(rate(crm_http_requests_total{{{G}}}[$__rate_interval])))",
                "{{method}} {{route}}",
            ),
        ),
        line(
            "Errors of ours, by route",
            "Answers with a status of 5xx.",
            "reqps",
            Query(
                "topk(10, sum by (method, route) (rate(crm_http_requests_total"
                f'{{{G},status="5xx"}}[$__rate_interval])) > 0)',
                "{{method}} {{route}}",
            ),
        ),
        line(
            "Refusals, by route",
            "Answers with a status of 4xx: what callers do wrong, or try.",
            "reqps",
            Query(
                "topk(10, sum by (method, route) (rate(crm_http_requests_total"
                f'{{{G},status="4xx"}}[$__rate_interval])) > 0)',
                "{{method}} {{route}}",
            ),
        ),
    ),
)
DURATIONS = Row(
    "Durations",
    (
        line(
            "Reads within 300 ms",
            "The part of GET requests, other than customer views, that were answered within "
            "300 ms. 95 % are promised.",
            "percentunit",
            Query(
                "sum(rate(crm_http_request_duration_seconds_bucket"
                f'{{{G},method="GET",route!~".*:customerView",le="0.3"}}[$__rate_interval])) '
                "/ sum(rate(crm_http_request_duration_seconds_count"
                f'{{{G},method="GET",route!~".*:customerView"}}[$__rate_interval]))',
                "within 300 ms",
            ),
            steps=((None, RED), (0.95, GREEN)),
            limits=(0, 1),
        ),
        line(
            "Customer views within 800 ms",
            "The part of customer views that were answered within 800 ms. 95 % are promised.",
            "percentunit",
            Query(
                "sum(rate(crm_http_request_duration_seconds_bucket"
                f'{{{G},route=~".*:customerView",le="0.8"}}[$__rate_interval])) '
                "/ sum(rate(crm_http_request_duration_seconds_count"
                f'{{{G},route=~".*:customerView"}}[$__rate_interval]))',
                "within 800 ms",
            ),
            steps=((None, RED), (0.95, GREEN)),
            limits=(0, 1),
        ),
        line(
            "Requests, by how long they took",
            "So many requests a second were answered within each of these times, in seconds.",
            "reqps",
            Query(f"sum by (le) (rate({BUCKETS}[$__rate_interval]))", "≤ {{le}} s"),
        ),
        line(
            "Slowest routes",
            "The mean duration of the ten slowest routes.",
            "s",
            Query(
                "topk(10, sum by (method, route) (rate(crm_http_request_duration_seconds_sum"
                f"{{{G}}}[$__rate_interval])) "
                "/ sum by (method, route) (rate(crm_http_request_duration_seconds_count"
                f"{{{G}}}[$__rate_interval])))",
                "{{method}} {{route}}",
            ),
        ),
    ),
)
VIEWS = Row(
    "The customer view",
    (
        line(
            "Views, by completeness",
            "Customer views answered in full, in part, or not at all.",
            "reqps",
            Query(
                "sum by (completeness) (rate(crm_gateway_view_responses_total[$__rate_interval]))",
                "{{completeness}}",
            ),
            stacked=True,
        ),
        line(
            "Sections that are not as they should be",
            "Sections of views that were left out or told from what was known before, and why.",
            "ops",
            Query(
                "sum by (section, outcome, reason) (rate(crm_gateway_view_sections_total"
                '{outcome!="ok"}[$__rate_interval])) > 0',
                "{{section}} {{outcome}} {{reason}}",
            ),
        ),
        line(
            "Full views",
            "The part of views that had every section. 99 % are promised.",
            "percentunit",
            Query(
                "sum(rate(crm_gateway_view_responses_total"
                '{completeness="full"}[$__rate_interval])) '
                "/ sum(rate(crm_gateway_view_responses_total[$__rate_interval]))",
                "full",
            ),
            steps=((None, RED), (0.99, GREEN)),
            limits=(0, 1),
        ),
        line(
            "Answers that services had kept",
            "Sections answered from what was kept since the last event of the customer, and made "
            "anew.",
            "ops",
            Query(
                "sum by (outcome) (rate(crm_kept_answers_total[$__rate_interval]))", "{{outcome}}"
            ),
            stacked=True,
        ),
    ),
)
UPSTREAMS = Row(
    "What the gateway asks of services",
    (
        line(
            "Calls that failed",
            "RPCs of the gateway that came back with an error of the service or of the way there.",
            "ops",
            Query(
                "sum by (service, code) (rate(crm_grpc_client_handled_total"
                '{job="crm-gateway",code=~"INTERNAL|UNAVAILABLE|DEADLINE_EXCEEDED"}'
                "[$__rate_interval]))",
                "{{service}} {{code}}",
            ),
        ),
        line(
            "Circuit breakers",
            "0 closed, 1 half open, 2 open: a target that fails is not asked for a while.",
            "none",
            Query('max by (target) (crm_breaker_state{job="crm-gateway"})', "{{target}}"),
            steps=((None, GREEN), (1, AMBER), (2, RED)),
            limits=(0, 2),
        ),
    ),
)

DASHBOARD = Dashboard(
    "crm-gateway",
    "CRM / Gateway",
    "The public API: requests, errors, durations, and the customer view that it composes.",
    (REQUESTS, DURATIONS, VIEWS, UPSTREAMS),
    (ROUTE,),
)
