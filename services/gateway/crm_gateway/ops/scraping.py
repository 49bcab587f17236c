"""The processes' own `/metrics` as a source: asked all at once, compared with the look before."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import time
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from crm_gateway.ops.asking import Asker
from crm_gateway.ops.counting import Change, Labels, Series, Told, answer
from crm_gateway.ops.questions import JOB, QUESTIONS, Question
from crm_gateway.ops.seen import Seen, SourceAway, SourceKind

# A process asks what it needs before it answers, which takes a second when that is silent.
PATIENCE = 3.0
AT_ONCE = 32
_NAMED = re.compile(r"(?P<service>[a-z][a-z-]*)/(?P<process>[a-z]+)=(?P<url>https?://.+)")
_STARTED = "process_start_time_seconds"
# What tells which process a page is of, where its address does not: metric, label, process.
_TELLING = (
    ("crm_grpc_server_handled_total", "service", "api"),
    ("crm_consumer_last_progress_timestamp_seconds", "consumer", "consumer"),
    ("crm_outbox_pending", "service", "relay"),
    ("crm_timer_oldest_due_age_seconds", "service", "worker"),
    ("crm_ledger_accepted", "source", "worker"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A process by its address, and its name where that is told."""

    url: str
    service: str = ""
    process: str = ""

    @property
    def instance(self) -> str:
        """Host and port, as Prometheus names a target."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Look:
    """Who answered at a moment, and what."""

    at: float
    told: Mapping[str, Told]


def targets_of(setting: str) -> list[Target]:
    """The processes of `http://...,contacts/relay=http://...`: a name may stand before each.

    Raises:
        ValueError: one is no address.
    """
    return [_target(text) for text in map(str.strip, setting.split(",")) if text]


class Processes:
    """Asks all processes, and remembers what they told last."""

    kind: SourceKind = "METRICS"

    def __init__(self, targets: Sequence[Target], patience: float = PATIENCE) -> None:
        self._targets = targets
        self._asker = Asker(patience, connections=4)
        self._before: Look | None = None
        self._names: dict[str, Labels] = {one.url: _labels_of(one) for one in targets}
        self._last_up: dict[tuple[str, ...], float] = {}

    def look(self) -> Seen:
        """What all tell now; rates are what came since the look before.

        Raises:
            SourceAway: nobody answers.
        """
        at, before = time(), self._before
        with ThreadPoolExecutor(min(AT_ONCE, len(self._targets)), "scrape") as pool:
            found = dict(zip(self._targets, pool.map(self._ask, self._targets), strict=True))
        told = {target.url: one for target, one in found.items() if one is not None}
        if not told:
            raise SourceAway("none of the processes answers")
        for target in found:
            if target.url in told:
                self._last_up[self._place(target)] = at
        self._before = Look(at, told)
        changes = [
            Change(one, before.at, before.told.get(url)) if before else Change(one)
            for url, one in told.items()
        ]
        return Seen(
            kind=self.kind,
            at=at,
            rates=_rates_words(before, at),
            counts="since each process began",
            answers={
                **{name: answer(question, changes) for name, question in QUESTIONS.items()},
                "up": {self._place(one): float(one.url in told) for one in found},
            },
            last_up=dict(self._last_up),
        )

    def _ask(self, target: Target) -> Told | None:
        try:
            text = self._asker.get(target.url).decode("utf-8", "replace")
            series = series_of(text)
        except (SourceAway, ValueError):
            return None
        labels = self._names[target.url]
        if not target.service and (guessed := _guess(series)) is not None:
            labels = {**guessed, "instance": target.instance}
            self._names[target.url] = labels
        began = next((value for _, value in series.get(_STARTED, ())), None)
        return Told(time(), labels, began, series)

    def _place(self, target: Target) -> tuple[str, ...]:
        labels = self._names[target.url]
        return tuple(labels.get(name, "") for name in QUESTIONS["up"].by)


def series_of(text: str) -> dict[str, Series]:
    """The series of a page that any question is about.

    Raises:
        ValueError: it is no page of metrics.
    """
    found: dict[str, list[tuple[Labels, float]]] = defaultdict(list)
    lines = (line for line in text.splitlines() if _name_in(line) in _WANTED)
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            found[sample.name].append((sample.labels, sample.value))
    return dict(found)


def _name_in(line: str) -> str:
    return line.partition("{")[0].partition(" ")[0]


def _names_of(questions: Iterable[Question]) -> Iterator[str]:
    for question in questions:
        yield f"{question.metric}_bucket" if question.kind == "p95" else question.metric


_WANTED = frozenset([_STARTED, *(name for name, _, _ in _TELLING), *_names_of(QUESTIONS.values())])


def _target(text: str) -> Target:
    named = _NAMED.fullmatch(text)
    url = named["url"] if named else text
    if not url.startswith(("http://", "https://")) or not urlsplit(url).netloc:
        raise ValueError(f"CRM_GATEWAY_METRICS_URLS: {text!r} is no http address")
    return Target(url, named["service"], named["process"]) if named else Target(url)


def _labels_of(target: Target) -> Labels:
    named = {"job": JOB + target.service, "process": target.process} if target.service else {}
    return {**named, "instance": target.instance}


def _guess(series: Mapping[str, Series]) -> Labels | None:
    """Which process it is by what only such a process tells."""
    for metric, label, process in _TELLING:
        for labels, _ in series.get(metric, ()):
            service = "analytics" if label == "source" else labels.get(label, "").split(".")[0]
            return {"job": JOB + service.replace("_", "-"), "process": process}
    return None


def _rates_words(before: Look | None, at: float) -> str:
    if before is None:
        return "not known before the second look"
    return f"over the {at - before.at:.0f} s since the look before"
