"""Answers about customers, kept in the process until an event tells that they may differ.

What a view shows of a customer takes many rows; that nothing has happened since takes one look at
an index. Each answer is given after such a look, so nobody gets one from before they asked.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, TypeVar

from cachetools import LRUCache

from crm_chassis.kernel.clock import now
from crm_chassis.telemetry.metrics import KEPT_ANSWERS, child, expect

T = TypeVar("T")
# Counts the events about some customers that came after a moment, up to a limit. None ever goes.
Tidings = Callable[[Sequence[str], datetime, int], int]

# An event is seen so much later than it says at the most: a transaction ends within a minute, and
# clocks that differ by more would not let an internal token live.
LATE = timedelta(minutes=5)
# About whom more is told is read anew each time; so is whoever has to do with more.
MOST_TIDINGS, MOST_NAMES = 1_000, 100
BYTES = 8 * 1024 * 1024
# What an entry takes beside the bytes of its answer: question, names, and the places that it has.
OWN = 1_500


@dataclass(slots=True)
class _Entry(Generic[T]):
    """An answer; the customers it rests on; and how much was told of them when it was made.

    What happened between the look for their names and the first count may have brought others: the
    names are `sure` once they were looked for again and nothing had been told since.
    """

    answer: T
    names: Sequence[str]
    since: datetime
    told: int
    sure: bool = False


class Kept(Generic[T]):
    """Gives answers that are as good as made now, of which it keeps some megabytes."""

    def __init__(self, tidings: Tidings, size: Callable[[T], int], most: int = BYTES) -> None:
        self._tidings = tidings
        self._size = size
        self._largest = most // 16
        self._lock = Lock()
        self._entries: LRUCache[Hashable, _Entry[T]] = LRUCache(
            most, getsizeof=lambda entry: size(entry.answer) + OWN
        )
        expect(KEPT_ANSWERS, ("kept", "made"))

    def answer(
        self, question: Hashable, names: Callable[[], Sequence[str]], make: Callable[[], T]
    ) -> T:
        """What `make` gives, now or before: before only if nothing was told of `names` since.

        `names` are the customers whose events may make the answer another, found before it is.
        """
        with self._lock:
            entry = self._entries.get(question)
        if entry is not None and self._holds(entry, names):
            child(KEPT_ANSWERS, "kept").inc()
            return entry.answer
        child(KEPT_ANSWERS, "made").inc()
        return self._made(question, names(), make)

    def forget(self, question: Hashable) -> None:
        """Let the answer be made anew: something else than an event speaks against it."""
        with self._lock:
            self._entries.pop(question, None)

    def _holds(self, entry: _Entry[T], names: Callable[[], Sequence[str]]) -> bool:
        if self._told(entry.names, entry.since) != entry.told:
            return False
        entry.sure = entry.sure or set(names()) <= set(entry.names)
        return entry.sure

    def _made(self, question: Hashable, names: Sequence[str], make: Callable[[], T]) -> T:
        since = now() - LATE
        told = self._told(names, since) if len(names) <= MOST_NAMES else 0
        answer = make()
        is_calm = len(names) <= MOST_NAMES and told <= MOST_TIDINGS
        if is_calm and self._size(answer) <= self._largest:
            with self._lock:
                self._entries[question] = _Entry(answer, names, since, told)
        return answer

    def _told(self, names: Sequence[str], since: datetime) -> int:
        return self._tidings(names, since, MOST_TIDINGS + 1)
