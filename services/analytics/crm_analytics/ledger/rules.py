"""Decisions about the ledger: what is compared, what is missing, what is only on its way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Flag
from heapq import merge
from operator import attrgetter

# How long an event may be on its way before it counts as missing.
PATIENCE = timedelta(seconds=30)
# How many missing events are named.
MOST_NAMED = 1_000
MINUTE = timedelta(minutes=1)
# A minute is looked at so long after its end: what is on its way by then is late.
SETTLED = timedelta(seconds=90)
# So far back the watch looks, and so often at what was whole: a journal may lose what it had.
WATCHED, AGAIN = timedelta(days=1), timedelta(hours=3)
# What is not whole is looked at again after this part of its age, and no later than that: much that
# stays missing must not keep everybody busy.
PART, LATEST = 10, timedelta(hours=1)
# So much time is compared by one question.
LONGEST_SPAN = timedelta(hours=1)


class Stages(Flag):
    """The places that an event has come by."""

    NONE = 0
    ACCEPTED = 1
    STORED = 2
    PUBLISHED = 4
    ARCHIVED = 8


ALL = Stages.ACCEPTED | Stages.STORED | Stages.PUBLISHED | Stages.ARCHIVED
# Plain numbers in the loop over every event: operators of `Flag` take a microsecond each.
_ACCEPTED, _STORED, _PUBLISHED, _ARCHIVED = 1, 2, 4, 8
_ALL = ALL.value


@dataclass(frozen=True, slots=True)
class Span:
    """From a moment on, up to before another one."""

    start: datetime
    end: datetime


def minute_of(moment: datetime) -> datetime:
    """When the minute began that a moment is in."""
    return moment.replace(second=0, microsecond=0)


def next_span(start: datetime, now: datetime) -> Span:
    """What of the settled minutes from `start` on is compared together; empty when none is."""
    return Span(start, max(start, min(minute_of(now - SETTLED), start + LONGEST_SPAN)))


def next_look(start: datetime, now: datetime, missing: int) -> datetime:
    """When a minute that begins at `start` and was looked at `now` is to be looked at again."""
    return now + (min((now - start) / PART, LATEST) if missing else AGAIN)


def spans_of(starts: Iterable[datetime]) -> Iterator[Span]:
    """The minutes that begin at these moments, in order: those that follow one another together."""
    span: Span | None = None
    for start in starts:
        if span is not None and (start != span.end or span.end - span.start >= LONGEST_SPAN):
            yield span
            span = None
        span = Span(span.start if span else start, start + MINUTE)
    if span is not None:
        yield span


@dataclass(slots=True)
class Trace:
    """Where one event was seen: a bit of `Stages` for each place."""

    event: str
    subject: str
    sequence: int
    time: datetime
    stages: int


@dataclass(frozen=True, slots=True)
class Gap:
    """An event that some stage lacks; a version that all of them lack has no event's id."""

    event: str
    subject: str
    sequence: int
    stages: Stages


@dataclass(slots=True)
class Balance:
    """What became of the changes of one source.

    `difference` counts the events that some stage lacks, `gaps` names the first of them.
    `unavailable` says why the source could not be asked: then nothing of it was compared, and the
    difference is at least 1, for nobody can say that it is 0.
    """

    source: str
    accepted: int = 0
    stored: int = 0
    published: int = 0
    archived: int = 0
    in_flight: int = 0
    difference: int = 0
    gaps: list[Gap] = field(default_factory=list)
    unavailable: str = ""

    def lack(self, gap: Gap) -> None:
        """Count what is missing, and name it as long as there is room."""
        self.difference += 1
        if len(self.gaps) < MOST_NAMED:
            self.gaps.append(gap)

    @property
    def missing(self) -> list[str]:
        """The ids of the events that some stage lacks."""
        return [gap.event for gap in self.gaps if gap.event]


def together(told: Iterable[Trace], archived: Iterable[Trace]) -> Iterator[Trace]:
    """One trace for each event, from two streams that are both ordered by time and event id."""
    last: Trace | None = None
    for trace in merge(told, archived, key=attrgetter("time", "event")):
        if last is not None and last.event == trace.event and trace.event:
            last.stages |= trace.stages
            continue
        if last is not None:
            yield last
        last = trace
    if last is not None:
        yield last


class Account:
    """Takes a source's events one after another and says what they come to."""

    def __init__(self, source: str, now: datetime) -> None:
        self.balance = Balance(source)
        self.versions = Versions()
        self.untold: list[tuple[str, int]] = []
        self._settled = now - PATIENCE

    def take(self, trace: Trace) -> None:
        """Count one event. A version that a resource is at without any is only kept in mind."""
        if not trace.event:
            self.untold.append((trace.subject, trace.sequence))
            return
        balance, stages = self.balance, trace.stages
        balance.accepted += bool(stages & _ACCEPTED)
        balance.stored += bool(stages & _STORED)
        balance.published += bool(stages & _PUBLISHED)
        balance.archived += bool(stages & _ARCHIVED)
        if trace.time > self._settled:
            # Others of the same moment may not have come by yet: versions are compared later.
            balance.in_flight += stages != _ALL
            return
        self.versions.take(trace)
        if stages != _ALL:
            balance.lack(Gap(trace.event, trace.subject, trace.sequence, Stages(stages)))


@dataclass(slots=True)
class Run:
    """Versions of one resource without a gap between them."""

    first: int
    last: int


class Versions:
    """Which versions of which resources were seen, to find those that nobody has.

    A resource that was only made is not remembered: its one version has none before it.
    """

    def __init__(self) -> None:
        self._runs: dict[str, list[Run]] = {}
        self._unarchived: set[tuple[str, int]] = set()

    def take(self, trace: Trace) -> None:
        """Remember a version."""
        if not trace.stages & _ARCHIVED:
            self._unarchived.add((trace.subject, trace.sequence))
        if trace.sequence <= 1:
            return
        runs = self._runs.setdefault(trace.subject, [])
        if runs and trace.sequence == runs[-1].last + 1:
            runs[-1].last = trace.sequence
        else:
            runs.append(Run(trace.sequence, trace.sequence))

    def holes(self) -> Iterator[tuple[str, int]]:
        """The versions that are missing between two that were seen."""
        for subject, runs in self._runs.items():
            if len(runs) > 1:
                runs.sort(key=attrgetter("first"))
                last = runs[0].last
                for run in runs[1:]:
                    yield from ((subject, version) for version in range(last + 1, run.first))
                    last = max(last, run.last)

    def befores(self) -> Iterator[tuple[str, int]]:
        """The version before the first that was seen of each resource: the journal must have it.

        But those that were seen in another stage: what the journal lacks of them is told already.
        """
        for subject, runs in self._runs.items():
            before = (subject, min(run.first for run in runs) - 1)
            if before not in self._unarchived:
                yield before


def unasked(source: str, archived: int, reason: str) -> Balance:
    """The balance of a source that did not answer: none of its events is accounted for."""
    return Balance(
        source, archived=archived, difference=max(1, archived), unavailable=reason or "UNAVAILABLE"
    )
