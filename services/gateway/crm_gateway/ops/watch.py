"""Looks through the first source that answers, and remembers since when something is wrong."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from time import monotonic, time

from crm_gateway.ops import figures
from crm_gateway.ops.overview import OpsOverview, OpsProblem, OpsSource
from crm_gateway.ops.rules import Condition, conditions
from crm_gateway.ops.runbooks import action_for, name_of, path_of, service_of
from crm_gateway.ops.seen import Alert, Seen, Source, SourceAway, SourceKind

# Whoever looks within so many seconds sees the same: many readers cost no more than one.
BELIEVED = 4.0
_NAMES = {"PROMETHEUS": "Prometheus", "METRICS": "The processes' /metrics"}


class Watch:
    """Gives the overview, from the first of some sources that has something to show."""

    def __init__(self, sources: Sequence[Source], believed: float = BELIEVED) -> None:
        self._sources = sources
        self._seconds = believed
        self._lock = Lock()
        self._believed: tuple[float, OpsOverview] | None = None
        self._used: tuple[SourceKind, float] | None = None
        self._first_seen: dict[tuple[str, str], float] = {}

    def overview(self) -> OpsOverview:
        """How the installation does, as of some seconds ago at most."""
        with self._lock:
            if self._believed is not None and monotonic() < self._believed[0]:
                return self._believed[1]
            told = self._told(self._look())
            self._believed = (monotonic() + self._seconds, told)
            return told

    def _look(self) -> Seen:
        remarks: list[str] = []
        for source in self._sources:
            try:
                seen = source.look()
            except SourceAway as away:
                remarks.append(f"{_NAMES[source.kind]}: {away}.")
                continue
            return _with_remarks(seen, remarks)
        nothing = Seen("NONE", time(), "not known", "not known", {})
        return _with_remarks(nothing, remarks)

    def _told(self, seen: Seen) -> OpsOverview:
        if self._used is None or self._used[0] != seen.kind:
            self._used = (seen.kind, seen.at)
        problems = self._problems(seen)
        is_known = seen.kind != "NONE"
        return OpsOverview(
            time=datetime.fromtimestamp(seen.at, UTC),
            source=OpsSource(
                kind=seen.kind,
                since=figures.instant(self._used[1]) if is_known else None,
                rates=seen.rates,
                counts=seen.counts,
                remarks=seen.remarks,
            ),
            is_well=not problems if is_known else None,
            problems=problems,
            served=figures.served(seen.answers),
            ledger=figures.ledger(seen.answers),
            messaging=figures.messaging(seen.answers, seen.at),
            services=figures.services(seen),
            dependencies=figures.dependencies(seen.answers),
            breakers=figures.breakers(seen.answers),
            business=figures.business(seen.answers),
            past=figures.past(seen),
        )

    def _problems(self, seen: Seen) -> list[OpsProblem]:
        """The alerts that fire, then what the figures show and no alert tells of."""
        alerts = [_of_alert(alert) for alert in seen.alerts]
        fires = {(name_of(one.runbook), one.subject) for one in seen.alerts}
        shown = [one for one in conditions(seen) if not _is_told(one, fires)]
        places = [(one.runbook, one.subject) for one in shown]
        self._first_seen = {place: self._first_seen.get(place, seen.at) for place in places}
        return [*alerts, *(self._of_condition(one) for one in shown)]

    def _of_condition(self, condition: Condition) -> OpsProblem:
        since = condition.since
        first = self._first_seen[condition.runbook, condition.subject]
        return OpsProblem(
            name=condition.runbook,
            origin="FIGURES",
            severity=condition.severity,
            subject=condition.subject,
            summary=f"{condition.summary}.",
            since=figures.instant(first if since is None else since),
            is_since_seen=since is None,
            action=action_for(condition.runbook, condition.subject),
            runbook=path_of(condition.runbook),
        )


def _is_told(condition: Condition, fires: Collection[tuple[str, str]]) -> bool:
    """Whether an alert fires for the same, for all of the service, or for nobody in particular."""
    subjects = ("", condition.subject, service_of(condition.subject))
    return any((condition.runbook, subject) in fires for subject in subjects)


def _of_alert(alert: Alert) -> OpsProblem:
    return OpsProblem(
        name=alert.name,
        origin="ALERT",
        severity=alert.severity,
        subject=alert.subject,
        summary=alert.summary,
        since=figures.instant(alert.since),
        is_since_seen=False,
        action=action_for(name_of(alert.runbook), alert.subject),
        runbook=alert.runbook,
    )


def _with_remarks(seen: Seen, more: Sequence[str]) -> Seen:
    return replace(seen, remarks=[*more, *seen.remarks])
