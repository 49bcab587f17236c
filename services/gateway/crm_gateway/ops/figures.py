"""Puts what was seen together into what `/ops` tells. What nobody answered stays unknown."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal

from crm_gateway.ops.overview import (
    Number,
    OpsBreaker,
    OpsBusiness,
    OpsConsumer,
    OpsCount,
    OpsDeadLetters,
    OpsDependency,
    OpsLedgerSource,
    OpsMessaging,
    OpsOutbox,
    OpsProcess,
    OpsSection,
    OpsServed,
    OpsService,
    Points,
)
from crm_gateway.ops.questions import JOB, Answers
from crm_gateway.ops.seen import Seen

_STATES: tuple[Literal["CLOSED", "HALF_OPEN", "OPEN"], ...] = ("CLOSED", "HALF_OPEN", "OPEN")
# A process without a name is shown by its address, below this.
UNNAMED = "other"


def instant(seconds: float | None) -> datetime | None:
    """The moment of so many seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None


def served(answers: Answers) -> OpsServed:
    """How customers are served."""
    responses = answers.get("view_responses", {})
    sections = sorted(answers.get("view_sections", {}).items())
    return OpsServed(
        requests_per_second=_one(answers, "requests"),
        server_error_ratio=_ratio(_one(answers, "server_errors"), _one(answers, "requests")),
        read_seconds=_one(answers, "reads"),
        view_seconds=_one(answers, "views"),
        full_view_ratio=_ratio(responses.get(("full",)), _sum(responses.values())),
        partial_sections=[
            OpsSection(section=section, outcome=outcome, reason=reason, per_second=rate)
            for (section, outcome, reason), rate in sections
            if outcome != "ok" and rate > 0
        ],
    )


def ledger(answers: Answers) -> list[OpsLedgerSource]:
    """What the ledger says of each source."""
    return [
        OpsLedgerSource(
            source=source,
            accepted=_of(answers, "ledger_accepted", source),
            missing=_of(answers, "ledger_missing", source),
            check_time=instant(_of(answers, "ledger_checked", source)),
        )
        for source in _first(answers, "ledger_accepted", "ledger_missing", "ledger_checked")
    ]


def messaging(answers: Answers, at: float) -> OpsMessaging:
    """How events travel."""
    return OpsMessaging(
        recorded_per_second=_one(answers, "all_recorded"),
        published_per_second=_one(answers, "all_published"),
        handled_per_second=_one(answers, "all_handled"),
        pending=_sum(answers.get("pending", {}).values()),
        oldest_seconds=_one(answers, "all_oldest"),
        dead_letters_waiting=_sum(answers.get("dead", {}).values()),
        outboxes=_outboxes(answers),
        consumers=_consumers(answers, at),
        dead_letters=[
            OpsDeadLetters(
                queue=queue,
                waiting=_of(answers, "dead", queue),
                oldest_seconds=_of(answers, "dead_age", queue),
                parked=_of(answers, "parked", queue),
            )
            for queue in _first(answers, "dead", "parked")
            if _of(answers, "dead", queue) or _of(answers, "parked", queue)
        ],
    )


def services(seen: Seen) -> list[OpsService]:
    """Each service with its processes."""
    processes: dict[str, list[OpsProcess]] = defaultdict(list)
    for (job, process, instance), is_up in sorted(seen.answers.get("up", {}).items()):
        last = None if is_up else instant(seen.last_up.get((job, process, instance)))
        processes[job.removeprefix(JOB) or UNNAMED].append(
            OpsProcess(process=process, instance=instance, is_up=bool(is_up), last_up_time=last)
        )
    names = {*processes, *_first(seen.answers, "rpcs")}
    return [
        OpsService(
            service=name,
            processes=processes.get(name, []),
            rpcs_per_second=_of(seen.answers, "rpcs", name),
            fault_ratio=_ratio(
                _of(seen.answers, "rpc_faults", name), _of(seen.answers, "rpcs", name)
            ),
            rpc_seconds=_of(seen.answers, "rpc_seconds", name),
        )
        for name in sorted(names)
    ]


def dependencies(answers: Answers) -> list[OpsDependency]:
    """What processes need, and how many of them it answers."""
    found: dict[str, dict[str, bool]] = defaultdict(dict)
    for (dependency, job, process, instance), is_up in answers.get("dependencies", {}).items():
        who = f"{job.removeprefix(JOB)}/{process}" if job and process else instance
        found[dependency][who] = found[dependency].get(who, True) and bool(is_up)
    return [
        OpsDependency(
            dependency=name,
            up=sum(askers.values()),
            of=len(askers),
            lacking=sorted(who for who, is_up in askers.items() if not is_up),
        )
        for name, askers in sorted(found.items())
    ]


def breakers(answers: Answers) -> list[OpsBreaker]:
    """How each circuit breaker stands."""
    return [
        OpsBreaker(
            target=target,
            asker=f"{job.removeprefix(JOB)}/{process}" if job and process else "",
            state=_STATES[int(state)],
        )
        for (target, job, process), state in sorted(answers.get("breakers", {}).items())
        if state in (0, 1, 2)
    ]


def business(answers: Answers) -> OpsBusiness:
    """What came of it all."""
    return OpsBusiness(
        contacts_captured=_one(answers, "contacts"),
        imported_rows=_counts(answers, "imported"),
        breached_cases=_counts(answers, "breached"),
        deliveries=_counts(answers, "deliveries"),
    )


def past(seen: Seen) -> dict[str, Points]:
    """The last hour of the figures that are drawn, by the figure's name."""
    told = seen.past
    drawn: dict[str, Points] = {
        "requestsPerSecond": told.get("requests", ()),
        "serverErrorRatio": _ratios(told.get("server_errors", ()), told.get("requests", ())),
        "readSeconds": told.get("reads", ()),
        "viewSeconds": told.get("views", ()),
        "recordedPerSecond": told.get("all_recorded", ()),
        "publishedPerSecond": told.get("all_published", ()),
        "handledPerSecond": told.get("all_handled", ()),
        "oldestSeconds": told.get("all_oldest", ()),
    }
    return {name: points for name, points in drawn.items() if len(points) > 1}


def _outboxes(answers: Answers) -> list[OpsOutbox]:
    recorded: dict[str, float] = defaultdict(float)
    for (event_type,), rate in answers.get("recorded", {}).items():
        recorded[event_type.split(".")[1].replace("_", "-") if "." in event_type else ""] += rate
    relays = {
        job.removeprefix(JOB) for job, process, _ in answers.get("up", {}) if process == "relay"
    }
    names = {*recorded, *relays, *_first(answers, "published", "pending", "oldest")}
    return [
        OpsOutbox(
            service=name,
            recorded_per_second=recorded.get(name),
            published_per_second=_of(answers, "published", name),
            pending=_of(answers, "pending", name),
            oldest_seconds=_of(answers, "oldest", name),
            blocked_resources=_of(answers, "blocked", name),
            is_broker_blocked=_truth(_of(answers, "broker_blocked", name)),
        )
        for name in sorted(names)
    ]


def _consumers(answers: Answers, at: float) -> list[OpsConsumer]:
    handled: dict[str, dict[str, float]] = defaultdict(dict)
    for (consumer, outcome), rate in answers.get("handled", {}).items():
        handled[consumer][outcome] = rate
    found = []
    for name in sorted({*handled, *_first(answers, "progress")}):
        last = _of(answers, "progress", name)
        found.append(
            OpsConsumer(
                consumer=name,
                handled_per_second=handled[name].get("ok"),
                retries_per_second=handled[name].get("retry"),
                dead_per_second=handled[name].get("dead"),
                progress_seconds=max(0.0, at - last) if last else None,
                delay_seconds=_of(answers, "delays", name),
            )
        )
    return found


def _counts(answers: Answers, name: str) -> list[OpsCount]:
    told = sorted(answers.get(name, {}).items())
    return [OpsCount(kind=kind, count=round(count, 1)) for (kind,), count in told]


def _one(answers: Answers, name: str) -> Number:
    return answers.get(name, {}).get(())


def _of(answers: Answers, name: str, *group: str) -> Number:
    return answers.get(name, {}).get(group)


def _first(answers: Answers, *names: str) -> list[str]:
    """All that the questions know of, by the first thing that they group by."""
    return sorted({group[0] for name in names for group in answers.get(name, {})})


def _sum(values: Iterable[float]) -> Number:
    told = list(values)
    return sum(told) if told else None


def _ratio(part: Number, whole: Number) -> Number:
    """The share; unknown where there is nothing to have a share of."""
    return part / whole if part is not None and whole else None


def _ratios(parts: Points, wholes: Points) -> Points:
    by_time: Mapping[float, float] = dict(wholes)
    return [
        (at, part / whole) for at, part in parts if (whole := by_time.get(at)) is not None and whole
    ]


def _truth(value: Number) -> bool | None:
    return bool(value) if value is not None else None
