"""Answers the questions from what processes told at two looks: pure arithmetic."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from crm_gateway.ops.questions import Answer, How, Matches, Question

Labels = Mapping[str, str]
Series = Sequence[tuple[Labels, float]]
Key = tuple[tuple[str, str], ...]
P95 = 0.95


@dataclass(frozen=True, slots=True)
class Told:
    """What one process told at a moment: series by the metric's name.

    `labels` say which process it is, `started` when it began.
    """

    at: float
    labels: Labels
    started: float | None
    series: Mapping[str, Series]


@dataclass(frozen=True, slots=True)
class Change:
    """What a process told, and what it had told at the look before, `since` then.

    Neither is known at the first look; a process may have been away at the second.
    """

    now: Told
    since: float | None = None
    before: Told | None = None

    def increases(self, metric: str) -> Iterator[tuple[Labels, float, float]]:
        """Labels, increase and the seconds it took, for each series of a counter.

        A process that began after the look before has counted from 0. Nothing is told of one
        that is older and was away then.
        """
        begin, earlier = self._before(metric)
        if begin is None or self.now.at <= begin:
            return
        for labels, value in self.now.series.get(metric, ()):
            had = earlier.get(_key(labels), 0.0)
            yield labels, value - had if value >= had else value, self.now.at - begin

    def _before(self, metric: str) -> tuple[float | None, dict[Key, float]]:
        """From when the process counted, and the values then; no moment where nobody knows."""
        if self.since is None:
            return None, {}
        if self.now.started is not None and self.now.started > self.since:
            return self.since, {}
        if self.before is None:
            return None, {}
        told = self.before.series.get(metric, ())
        return self.before.at, {_key(labels): value for labels, value in told}


def answer(question: Question, changes: Iterable[Change]) -> Answer:
    """What the processes together say to a question."""
    if question.kind == "now":
        return _put_together(question, _values(question, changes), question.how)
    if question.kind == "count":
        return _put_together(question, _values(question, changes), "sum")
    if question.kind == "rate":
        return _put_together(question, _rates(question, changes), "sum")
    return _quantiles(question, changes)


def quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    """The value that `share` of the observations stayed below, as Prometheus interpolates it.

    `buckets` are cumulative counts by upper bound. None when there was no observation.
    """
    bounds = sorted(buckets)
    if not bounds or not math.isinf(bounds[-1]) or buckets[bounds[-1]] <= 0 or len(bounds) < 2:
        return None
    rank = share * buckets[bounds[-1]]
    place = next(i for i, bound in enumerate(bounds) if buckets[bound] >= rank)
    if math.isinf(bounds[place]):
        return bounds[place - 1]
    low, below = (bounds[place - 1], buckets[bounds[place - 1]]) if place else (0.0, 0.0)
    inside = buckets[bounds[place]] - below
    return low + (bounds[place] - low) * ((rank - below) / inside) if inside else bounds[place]


def _values(question: Question, changes: Iterable[Change]) -> Iterator[tuple[Labels, float]]:
    for change in changes:
        for labels, value in change.now.series.get(question.metric, ()):
            yield {**labels, **change.now.labels}, value


def _rates(question: Question, changes: Iterable[Change]) -> Iterator[tuple[Labels, float]]:
    for change in changes:
        for labels, increase, seconds in change.increases(question.metric):
            yield {**labels, **change.now.labels}, increase / seconds


def _quantiles(question: Question, changes: Iterable[Change]) -> Answer:
    buckets: dict[tuple[str, ...], dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for change in changes:
        for labels, increase, _ in change.increases(f"{question.metric}_bucket"):
            told = {**labels, **change.now.labels}
            if _matches(question, told):
                buckets[_group(question, told)][float(labels["le"])] += increase
    found = {group: quantile(P95, counts) for group, counts in buckets.items()}
    return {group: value for group, value in found.items() if value is not None}


def _put_together(
    question: Question, values: Iterable[tuple[Labels, float]], how: How
) -> dict[tuple[str, ...], float]:
    together: dict[tuple[str, ...], float] = {}
    for labels, value in values:
        if math.isnan(value) or not _matches(question, labels):
            continue
        group = _group(question, labels)
        together[group] = _with(how, together[group], value) if group in together else value
    return together


def _with(how: How, one: float, other: float) -> float:
    if how == "sum":
        return one + other
    return max(one, other) if how == "max" else min(one, other)


def _group(question: Question, labels: Labels) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in question.by)


def _matches(question: Question, labels: Labels) -> bool:
    return _all_match(question.where, labels) and not (
        question.without and _all_match(question.without, labels)
    )


def _all_match(matches: Matches, labels: Labels) -> bool:
    return all(_pattern(text).fullmatch(labels.get(name, "")) for name, text in matches)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


def _key(labels: Labels) -> Key:
    return tuple(sorted(labels.items()))
