"""The technical metrics: names, labels and buckets that every process shares."""

import os
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from itertools import product
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

from crm_chassis.telemetry.tracing import is_sampled, trace_id_of

M = TypeVar("M", bound=MetricWrapperBase)

# When each series began doubles the series of counters, and nobody asks.
disable_created_metrics()  # type: ignore[no-untyped-call]

# The boundaries that OpenTelemetry recommends for durations of calls.
CALL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
# What is told of each route of the gateway: what people feel, and the objectives (0.3 s for reads,
# 0.8 s for a customer view). Each more costs a series a route.
EDGE_BUCKETS = (0.03, 0.1, 0.3, 0.8)
# What is told of each RPC asked of another: whoever answers tells the rest.
HOP_BUCKETS = (0.1, 0.8)
# From one hop over the broker to the last retry tier, and the objective: 30 s. There are as many
# of these as there are event types that somebody takes, and analytics takes all.
DELAY_BUCKETS = (0.05, 0.25, 1.0, 5.0, 30.0, 300.0, 3600.0)
REACTION_BUCKETS = (0.01, 0.05, 0.25, 1.0, 5.0)

BUILD_INFO = Gauge("crm_build_info", "Which build runs: always 1.", ["version", "revision"])
BUILD_INFO.labels(version("crm-chassis"), os.environ.get("CRM_REVISION", "unknown")).set(1)

HTTP_REQUESTS = Counter(
    "crm_http_requests_total",
    "HTTP requests answered, by route template and class of status (`2xx`).",
    ["route", "method", "status"],
)
HTTP_DURATION = Histogram(
    "crm_http_request_duration_seconds",
    "How long an HTTP request took.",
    ["route", "method"],
    buckets=EDGE_BUCKETS,
)

GRPC_SERVER_HANDLED = Counter(
    "crm_grpc_server_handled_total", "RPCs answered.", ["service", "method", "code"]
)
GRPC_SERVER_DURATION = Histogram(
    "crm_grpc_server_duration_seconds",
    "How long an RPC took to answer.",
    ["service", "method"],
    buckets=CALL_BUCKETS,
)
GRPC_CLIENT_HANDLED = Counter(
    "crm_grpc_client_handled_total", "RPCs asked of others.", ["service", "method", "code"]
)
GRPC_CLIENT_DURATION = Histogram(
    "crm_grpc_client_duration_seconds",
    "How long an RPC asked of another took, tries included.",
    ["service", "method"],
    buckets=HOP_BUCKETS,
)
GRPC_DEADLINE_MISSING = Counter(
    "crm_grpc_deadline_missing_total", "RPCs whose caller named no deadline.", ["service"]
)
SHED_REQUESTS = Counter(
    "crm_shed_requests_total",
    "Requests turned away for load: the deadline all but over (`deadline`), a peer full "
    "(`concurrency`), all places for streams taken (`streams`).",
    ["service", "reason"],
)

DEPENDENCY_UP = Gauge(
    "crm_dependency_up",
    "Whether what the process needs answers it: 1, or 0 while it does not.",
    ["dependency"],
)
BREAKER_STATE = Gauge(
    "crm_breaker_state", "A target's circuit breaker: 0 closed, 1 half open, 2 open.", ["target"]
)
BREAKER_TRANSITIONS = Counter(
    "crm_breaker_transitions_total", "Changes of a circuit breaker's state.", ["target", "state"]
)

EVENTS_RECORDED = Counter(
    "crm_events_recorded_total", "Events committed with their change.", ["event_type"]
)
OUTBOX_PENDING = Gauge("crm_outbox_pending", "Committed events not yet published.", ["service"])
OUTBOX_OLDEST_AGE = Gauge(
    "crm_outbox_oldest_pending_age_seconds",
    "Age of the oldest committed event not yet published.",
    ["service"],
)
OUTBOX_PUBLISH_SECONDS = Histogram(
    "crm_outbox_publish_seconds",
    "From handing a batch to the broker to its last confirm.",
    ["service"],
    buckets=CALL_BUCKETS,
)
OUTBOX_PUBLISHED = Counter(
    "crm_outbox_published_total", "Events that the broker confirmed.", ["service"]
)
OUTBOX_PUBLISH_FAILURES = Counter(
    "crm_outbox_publish_failures_total", "Events not published.", ["service", "reason"]
)
OUTBOX_BLOCKED = Gauge(
    "crm_outbox_blocked_resources",
    "Resources whose next event the broker did not take; they wait for another try.",
    ["service"],
)
OUTBOX_BROKER_BLOCKED = Gauge(
    "crm_outbox_broker_blocked",
    "Whether the broker takes nothing for want of memory or disk: 1 while it does not.",
    ["service"],
)

EVENT_HANDLED = Counter(
    "crm_event_handled_total",
    "Events taken from a queue.",
    ["consumer", "event_type", "outcome"],
)
EVENT_HANDLER_SECONDS = Histogram(
    "crm_event_handler_seconds",
    "How long the reaction to a batch took.",
    ["consumer", "event_type"],
    buckets=REACTION_BUCKETS,
)
EVENT_END_TO_END_SECONDS = Histogram(
    "crm_event_end_to_end_seconds",
    "From the change to its committed effect.",
    ["consumer", "event_type"],
    buckets=DELAY_BUCKETS,
)
CONSUMER_LAST_PROGRESS = Gauge(
    "crm_consumer_last_progress_timestamp_seconds",
    "When a subscription last took something or found nothing to take.",
    ["consumer"],
)
CONSUMER_INFLIGHT = Gauge("crm_consumer_inflight", "Events being handled.", ["consumer"])

DLQ_MESSAGES = Gauge("crm_dlq_messages", "Dead letters that wait for somebody.", ["queue"])
DLQ_OLDEST_AGE = Gauge(
    "crm_dlq_oldest_age_seconds", "Age of the oldest dead letter that waits.", ["queue"]
)
PARKING_MESSAGES = Gauge("crm_parking_messages", "Dead letters set aside.", ["queue"])

TIMERS_FIRED = Counter(
    "crm_timers_fired_total", "Timers fired, by how it went.", ["timer", "outcome"]
)
TIMER_LATENESS = Histogram(
    "crm_timer_lateness_seconds",
    "From when a timer was due to its committed effect.",
    ["timer"],
    buckets=DELAY_BUCKETS,
)
TIMER_OLDEST_AGE = Gauge(
    "crm_timer_oldest_due_age_seconds",
    "How late the timer is that waits the longest for a worker.",
    ["service"],
)
OPERATION_STEPS = Counter(
    "crm_operation_steps_total", "Steps of long work, by how they went.", ["kind", "outcome"]
)
OPERATION_STEP_SECONDS = Histogram(
    "crm_operation_step_seconds",
    "How long it took to store a step of long work.",
    ["kind"],
    buckets=CALL_BUCKETS,
)
OPERATIONS_ENDED = Counter(
    "crm_operations_ended_total", "Long work that has ended, and how.", ["kind", "ending"]
)

IDEMPOTENCY_REPLAYS = Counter(
    "crm_idempotency_replays_total",
    "Requests answered from the record of an earlier one.",
    ["service"],
)
KEPT_ANSWERS = Counter(
    "crm_kept_answers_total",
    "Questions about customers answered by what was kept (`kept`), or anew (`made`).",
    ["outcome"],
)
AUTH_FAILURES = Counter(
    "crm_auth_failures_total", "Callers that were not let in, by why.", ["reason"]
)

PUBLISH_FAILURES = ("nack", "returned", "timeout", "connection", "fenced", "unencodable")
TIMER_OUTCOMES = ("ok", "failed", "lost")
STEP_OUTCOMES = ("ok", "retry", "lost")
OPERATION_ENDINGS = ("done", "failed", "cancelled")
EVENT_OUTCOMES = ("ok", "duplicate", "retry", "dead", "parked")


def expect(metric: MetricWrapperBase, *labels: Iterable[str]) -> None:
    """Show a metric from the start for every combination of these label values.

    So that `rate()` sees the first error, and an alert on absence tells the truth.
    """
    for values in product(*labels):
        metric.labels(*values)


def observe(metric: Histogram, labels: tuple[str, ...], value: float, traceparent: str) -> None:
    """Add a value; where its trace is recorded, with the trace as an exemplar."""
    series = child(metric, *labels)
    if is_sampled(traceparent):
        series.observe(value, {"trace_id": trace_id_of(traceparent)})
    else:
        series.observe(value)


@cache
def child(metric: M, *labels: str) -> M:
    """The metric of these label values, found again without a lock; they are few."""
    return metric.labels(*labels)
