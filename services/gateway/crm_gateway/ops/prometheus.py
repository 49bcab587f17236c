"""Prometheus as a source: the questions in its language, and the alerts that fire."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from time import time
from typing import Any, TypeVar

from crm_gateway.ops.asking import Asker
from crm_gateway.ops.questions import JOB, QUESTIONS, Answer, Question
from crm_gateway.ops.seen import Alert, Seen, SourceAway, SourceKind

PATIENCE = 1.0
AT_ONCE = 8
# All questions together may take so many times what one may.
ROUNDS = 3
HOUR, STEP = 3600, 60
# More alerts than anybody reads are not shown.
MOST_ALERTS = 100
# Fires always, to show that alerts arrive.
WATCHDOG = "Watchdog"
# The labels that tell what an alert is about.
SUBJECTS = ("queue", "consumer", "source", "dependency", "target", "service")
T = TypeVar("T")
_INSTANT = re.compile(r"(?P<whole>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)")

_KINDS: Mapping[str, str] = {
    "now": "{how} by ({by}) ({metric}{{{matches}}})",
    "rate": "sum by ({by}) (rate({metric}{{{matches}}}[5m]))",
    "count": "sum by ({by}) (increase({metric}{{{matches}}}[1h]))",
    "p95": "histogram_quantile(0.95, sum by ({by}) (rate({metric}_bucket{{{matches}}}[5m])))",
}


def promql(question: Question) -> str:
    """The question in Prometheus' language."""
    by = (*question.by, "le") if question.kind == "p95" else question.by
    matches = [f"{label}=~{json.dumps(text)}" for label, text in question.where]
    matches += [f"{label}!~{json.dumps(text)}" for label, text in question.without]
    return _KINDS[question.kind].format(
        how=question.how, by=", ".join(by), metric=question.metric, matches=",".join(matches)
    )


class Prometheus:
    """Asks the HTTP API of a Prometheus that scrapes the installation."""

    kind: SourceKind = "PROMETHEUS"

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError("CRM_GATEWAY_PROMETHEUS_URL is no http address")
        self._url = url.rstrip("/")
        self._patience = patience
        self._asker = Asker(patience, AT_ONCE)

    def look(self) -> Seen:
        """What it knows now, and of the last hour.

        Raises:
            SourceAway: it does not answer, or knows no process of ours.
        """
        at = time()
        up = self._now(QUESTIONS["up"])
        if not up:
            raise SourceAway("it answers, but has no target of this installation")
        others = {name: one for name, one in QUESTIONS.items() if name != "up"}
        long = {name: one for name, one in others.items() if one.has_past}
        pool = ThreadPoolExecutor(AT_ONCE, "prometheus")
        asked_alerts = pool.submit(_or_none, self._alerts)
        asked = {name: pool.submit(_or_none, self._now, one) for name, one in others.items()}
        asked_past = {name: pool.submit(_or_none, self._past, one) for name, one in long.items()}
        every: list[Future[Any]] = [asked_alerts, *asked.values(), *asked_past.values()]
        wait(every, ROUNDS * self._patience)
        pool.shutdown(wait=False, cancel_futures=True)
        answers = {name: _result(one) for name, one in asked.items()}
        past = {name: _result(one) for name, one in asked_past.items()}
        alerts = _result(asked_alerts)
        return Seen(
            kind=self.kind,
            at=at,
            rates="over the last 5 minutes",
            counts="in the last hour",
            answers={"up": up, **_those_known(answers)},
            past=_those_known(past),
            alerts=alerts or (),
            remarks=_remarks(answers, alerts is None),
        )

    def _now(self, question: Question) -> Answer:
        """The values of an instant query."""
        data = self._data("query", {"query": promql(question)})
        return dict(_values(question, _list_of(data, "result")))

    def _past(self, question: Question) -> list[tuple[float, float]]:
        """The values over the last hour; it is one series."""
        end = time()
        span = {"start": f"{end - HOUR:.0f}", "end": f"{end:.0f}", "step": str(STEP)}
        data = self._data("query_range", {"query": promql(question), **span})
        pairs = [pair for row in _list_of(data, "result")[:1] for pair in row["values"]]
        return [(float(at), value) for at, text in pairs if (value := _number(text)) is not None]

    def _alerts(self) -> list[Alert]:
        """What fires, the gravest first."""
        data = _data_of(self._asker.get(f"{self._url}/api/v1/alerts"))
        told = [one for one in _list_of(data, "alerts") if one.get("state") == "firing"]
        alerts = [_alert(one) for one in told if one.get("labels", {}).get("alertname") != WATCHDOG]
        return sorted(alerts, key=lambda one: (one.severity != "page", one.since or 0.0))[
            :MOST_ALERTS
        ]

    def _data(self, path: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        return _data_of(self._asker.post(f"{self._url}/api/v1/{path}", form))


def _data_of(content: bytes) -> Mapping[str, Any]:
    """What an answer of the API holds.

    Raises:
        SourceAway: it is none.
    """
    try:
        answer = json.loads(content)
        if answer["status"] == "success" and isinstance(answer["data"], dict):
            return dict(answer["data"])
    except (ValueError, KeyError, TypeError):
        pass
    raise SourceAway("what answers is not Prometheus' API")


def _list_of(data: Mapping[str, Any], name: str) -> list[Any]:
    told = data.get(name)
    if not isinstance(told, list):
        raise SourceAway("what answers is not Prometheus' API")
    return told


def _values(question: Question, rows: Iterable[Any]) -> Iterator[tuple[tuple[str, ...], float]]:
    for row in rows:
        value = _number(row["value"][1])
        if value is not None:
            yield tuple(row["metric"].get(name, "") for name in question.by), value


def _number(text: str) -> float | None:
    """What a sample says; None where that is no number, such as a share of nothing."""
    value = float(text)
    return value if math.isfinite(value) else None


def _alert(told: Mapping[str, Any]) -> Alert:
    labels, notes = told.get("labels", {}), told.get("annotations", {})
    name, words = labels.get("alertname", ""), map(notes.get, ("summary", "description"))
    return Alert(
        name=name,
        subject=_subject(labels),
        severity=labels.get("severity", ""),
        summary=(": ".join(filter(None, words)) or name) + _ending(told),
        runbook=notes.get("runbook_url", ""),
        since=_moment(told.get("activeAt", "")),
    )


def _ending(told: Mapping[str, Any]) -> str:
    """That its cause is gone, where it only fires on to be noticed (`keep_firing_for`)."""
    gone = _moment(told.get("keepFiringSince", ""))
    if gone is None or gone < 0:  # Go's zero time, in year 1
        return ""
    return f" Its cause is gone since {datetime.fromtimestamp(gone, UTC):%H:%M:%S} UTC."


def _subject(labels: Mapping[str, str]) -> str:
    """What an alert is about: what it names, else a process or all of a service."""
    named = next((labels[one] for one in SUBJECTS if labels.get(one)), "")
    place = (labels.get("job", "").removeprefix(JOB), labels.get("process", ""))
    return named or "/".join(filter(None, place))


def _moment(text: str) -> float | None:
    """An instant as Prometheus writes it, which has up to nine digits of a second."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    return datetime.fromisoformat(found["whole"] + found["zone"]).timestamp()


def _or_none(ask: Callable[..., T], *values: Any) -> T | None:
    """What is answered; None where that one question is not answered."""
    try:
        return ask(*values)
    except (SourceAway, ValueError, KeyError, TypeError, IndexError):
        return None


def _result(asked: Future[T | None]) -> T | None:
    """What was answered in time."""
    return asked.result() if asked.done() and not asked.cancelled() else None


def _those_known(told: Mapping[str, T | None]) -> dict[str, T]:
    return {name: one for name, one in told.items() if one is not None}


def _remarks(answers: Mapping[str, Answer | None], no_alerts: bool) -> list[str]:
    silent = sum(one is None for one in answers.values())
    told = [f"Prometheus did not answer {silent} of {len(answers)} questions."] if silent else []
    if no_alerts:
        told.append("Prometheus did not tell which alerts fire.")
    return told
