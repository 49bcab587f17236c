"""Rate, errors and duration of each service, and its work in the background."""

from monitoring.grafana import JOB, Dashboard, Query, Row, Variable, line

METHOD = Variable(
    "method", "Method", 'label_values(crm_grpc_server_handled_total{job=~"$job"}, method)'
)
S = 'job=~"$job",method=~"$method"'
OURS = 'code=~"INTERNAL|UNKNOWN|UNAVAILABLE|DATA_LOSS|DEADLINE_EXCEEDED"'
BUCKETS = f"crm_grpc_server_duration_seconds_bucket{{{S}}}"

RPCS = Row(
    "RPCs",
    (
        line(
            "RPCs a second",
            "RPCs that a service answered, whatever it answered.",
            "reqps",
            Query(
                f"sum by (service) (rate(crm_grpc_server_handled_total{{{S}}}[$__rate_interval]))",
                "{{service}}",
            ),
        ),
        line(
            "RPCs that failed by a fault of ours",
            "The part that ended with an internal error, unavailable, or out of time.",
            "percentunit",
            Query(
                "sum by (service) (rate(crm_grpc_server_handled_total"
                f"{{{S},{OURS}}}[$__rate_interval])) "
                "/ sum by (service) (rate(crm_grpc_server_handled_total"
                f"{{{S}}}[$__rate_interval]))",
                "{{service}}",
            ),
        ),
        line(
            "Duration, 95 of 100",
            "95 of 100 RPCs of a service were answered within this time.",
            "s",
            Query(
                "histogram_quantile(0.95, sum by (service, le) "
                f"(rate({BUCKETS}[$__rate_interval])))",
                "{{service}}",
            ),
        ),
        line(
            "Slowest methods",
            "The ten methods with the longest mean duration.",
            "s",
            Query(
                "topk(10, sum by (service, method) (rate(crm_grpc_server_duration_seconds_sum"
                f"{{{S}}}[$__rate_interval])) "
                "/ sum by (service, method) (rate(crm_grpc_server_duration_seconds_count"
                f"{{{S}}}[$__rate_interval])))",
                "{{service}} {{method}}",
            ),
        ),
        line(
            "RPCs, by code",
            "How RPCs ended.",
            "reqps",
            Query(
                f"sum by (code) (rate(crm_grpc_server_handled_total{{{S}}}[$__rate_interval]))",
                "{{code}}",
            ),
            stacked=True,
        ),
        line(
            "RPCs without a deadline",
            "RPCs whose caller named none, and which might have waited for ever.",
            "ops",
            Query(
                "sum by (service) (rate(crm_grpc_deadline_missing_total"
                '{job=~"$job"}[$__rate_interval]))',
                "{{service}}",
            ),
        ),
    ),
)
WORK = Row(
    "Work in the background",
    (
        line(
            "Timers fired",
            "Timers that a worker fired, by how it went.",
            "ops",
            Query(
                "sum by (timer, outcome) (rate(crm_timers_fired_total"
                '{job=~"$job"}[$__rate_interval]))',
                "{{timer}} {{outcome}}",
            ),
        ),
        line(
            "Timer that waits the longest",
            "How late the timer is that waits the longest for a worker.",
            "s",
            Query(
                'max by (service) (crm_timer_oldest_due_age_seconds{job=~"$job"})', "{{service}}"
            ),
        ),
        line(
            "Steps of long work",
            "Steps of imports and other operations, by how they went.",
            "ops",
            Query(
                "sum by (kind, outcome) (rate(crm_operation_steps_total"
                '{job=~"$job"}[$__rate_interval]))',
                "{{kind}} {{outcome}}",
            ),
        ),
        line(
            "Operations that ended",
            "Imports and other operations, by how they ended.",
            "short",
            Query(
                "sum by (kind, ending) (increase(crm_operations_ended_total"
                '{job=~"$job"}[$__rate_interval]))',
                "{{kind}} {{ending}}",
            ),
        ),
    ),
)

DASHBOARD = Dashboard(
    "crm-services",
    "CRM / Services",
    "Each service by itself: rate, errors and duration of its RPCs, timers and operations.",
    (RPCS, WORK),
    (JOB, METHOD),
)
