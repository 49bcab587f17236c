"""What is asked of the metrics: each question once, whoever answers it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["now", "rate", "count", "p95"]
How = Literal["sum", "max", "min"]
# Label and regular expression (RE2, anchored at both ends).
Matches = tuple[tuple[str, str], ...]

# Values by what the question groups by, in its order; what is not known is not there.
Answer = Mapping[tuple[str, ...], float]
# By the question's name.
Answers = Mapping[str, Answer]
# The last hour, oldest first: seconds since 1970 and the value then.
Past = Mapping[str, Sequence[tuple[float, float]]]

# The label that Prometheus' own `up` and our targets have: `crm-contacts`.
JOB = "crm-"
_API = (("route", "/v1/.*"),)
_VIEW = (("route", ".*:customerView"),)
# Codes that are the service's fault, not the caller's.
_FAULTS = (("code", "INTERNAL|UNKNOWN|UNAVAILABLE|DEADLINE_EXCEEDED|DATA_LOSS"),)
_OURS = (("job", f"{JOB}.*"),)


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    `now` is the value of a gauge, `rate` a counter's increase in a second, `count` its increase
    over a longer time, `p95` what 95 % of a histogram's observations stayed below. Series are
    put together by `how`; rates and counts are sums. `has_past` asks for the last hour too.
    """

    metric: str
    kind: Kind = "now"
    by: tuple[str, ...] = ()
    where: Matches = ()
    without: Matches = ()
    how: How = "sum"
    has_past: bool = False


def _rate(metric: str, *by: str, where: Matches = (), past: bool = False) -> Question:
    return Question(metric, "rate", by, where, has_past=past)


def _most(metric: str, *by: str) -> Question:
    return Question(metric, "now", by, how="max")


def _p95(metric: str, *by: str, where: Matches = (), without: Matches = ()) -> Question:
    return Question(metric, "p95", by, where, without, has_past=not by)


_SERVED = {
    "requests": _rate("crm_http_requests_total", where=_API, past=True),
    "server_errors": _rate("crm_http_requests_total", where=(*_API, ("status", "5xx")), past=True),
    "reads": _p95(
        "crm_http_request_duration_seconds", where=(*_API, ("method", "GET")), without=_VIEW
    ),
    "views": _p95("crm_http_request_duration_seconds", where=_VIEW),
    "view_responses": _rate("crm_gateway_view_responses_total", "completeness"),
    "view_sections": _rate("crm_gateway_view_sections_total", "section", "outcome", "reason"),
}
_LEDGER = {
    "ledger_accepted": _most("crm_ledger_accepted", "source"),
    "ledger_missing": _most("crm_ledger_missing", "source"),
    "ledger_checked": _most("crm_ledger_checked_timestamp_seconds", "source"),
}
_MESSAGING = {
    "recorded": _rate("crm_events_recorded_total", "event_type"),
    "all_recorded": _rate("crm_events_recorded_total", past=True),
    "published": _rate("crm_outbox_published_total", "service"),
    "all_published": _rate("crm_outbox_published_total", past=True),
    "failures": _rate("crm_outbox_publish_failures_total", "service", "reason"),
    "pending": _most("crm_outbox_pending", "service"),
    "oldest": _most("crm_outbox_oldest_pending_age_seconds", "service"),
    "all_oldest": Question("crm_outbox_oldest_pending_age_seconds", how="max", has_past=True),
    "blocked": _most("crm_outbox_blocked_resources", "service"),
    "broker_blocked": _most("crm_outbox_broker_blocked", "service"),
    "handled": _rate("crm_event_handled_total", "consumer", "outcome"),
    "all_handled": _rate("crm_event_handled_total", where=(("outcome", "ok"),), past=True),
    "delays": _p95("crm_event_end_to_end_seconds", "consumer"),
    # The one that is furthest behind: a frozen process is not hidden by its neighbour.
    "progress": Question(
        "crm_consumer_last_progress_timestamp_seconds", by=("consumer",), how="min"
    ),
    "inflight": Question("crm_consumer_inflight", by=("consumer",)),
    "dead": _most("crm_dlq_messages", "queue"),
    "dead_age": _most("crm_dlq_oldest_age_seconds", "queue"),
    "parked": _most("crm_parking_messages", "queue"),
}
_PROCESSES = {
    "up": Question("up", by=("job", "process", "instance"), where=_OURS, how="max"),
    "rpcs": _rate("crm_grpc_server_handled_total", "service"),
    "rpc_faults": _rate("crm_grpc_server_handled_total", "service", where=_FAULTS),
    "rpc_seconds": _p95("crm_grpc_server_duration_seconds", "service"),
    "dependencies": Question(
        "crm_dependency_up", by=("dependency", "job", "process", "instance"), how="min"
    ),
    "breakers": _most("crm_breaker_state", "target", "job", "process"),
    "timers": _most("crm_timer_oldest_due_age_seconds", "service"),
}
_BUSINESS = {
    "contacts": Question(
        "crm_events_recorded_total",
        "count",
        where=(("event_type", r"crm\.contacts\.contact\.created\.v1"),),
    ),
    "imported": Question("crm_contacts_imported_rows_total", "count", ("outcome",)),
    "breached": _most("crm_service_desk_breached_cases", "target"),
    "deliveries": Question("crm_campaigns_deliveries_total", "count", ("state",)),
}
QUESTIONS: Mapping[str, Question] = {
    **_SERVED,
    **_LEDGER,
    **_MESSAGING,
    **_PROCESSES,
    **_BUSINESS,
}
