"""One asking for all who want the same at the same moment.

When something happens to a customer, whoever has it open reads it again: many equal questions
within milliseconds. Who comes while one is under way does not get its answer, which may have been
read before they came, but the next one's, together with all others who wait.
"""

from collections.abc import Callable, Hashable
from threading import Event, Lock
from typing import Generic, TypeVar

from crm_chassis.kernel.errors import Unavailable

T = TypeVar("T")
# How long the next asking waits for the one under way before it goes on beside it.
TURN = 0.25
# How much longer than it may take an answer is waited for: a deadline is never met to the moment.
SLACK = 0.2


class Together(Generic[T]):
    """Lets equal questions be answered by one asking that begins after all of them.

    An asking may take `patience` seconds, after it waited `turn` seconds for the one before.
    """

    def __init__(self, patience: float, turn: float = TURN) -> None:
        self._turn = turn
        self._longest = turn + patience + SLACK
        self._lock = Lock()
        self._rounds: dict[Hashable, list[_Round[T]]] = {}

    def ask(self, question: Hashable, work: Callable[[], T]) -> T:
        """What `work` gives, here or to somebody else with the same question.

        Raises:
            Unavailable: somebody else asked, and it took too long.
            Exception: what `work` raises.
        """
        with self._lock:
            rounds = self._rounds.setdefault(question, [])
            before = rounds[-1] if rounds else None
            if before is not None and not before.has_begun:
                mine = None
            else:
                mine = _Round[T](has_begun=before is None)
                rounds.append(mine)
        if mine is None:
            assert before is not None
            return before.outcome(self._longest)
        return self._lead(question, mine, before, work)

    def _lead(
        self,
        question: Hashable,
        mine: "_Round[T]",
        before: "_Round[T] | None",
        work: Callable[[], T],
    ) -> T:
        try:
            if before is not None:
                before.ended.wait(self._turn)
                with self._lock:
                    mine.has_begun = True
            mine.given = work()
        except BaseException as error:
            mine.error = error
            raise
        finally:
            with self._lock:
                rounds = self._rounds[question]
                rounds.remove(mine)
                if not rounds:
                    del self._rounds[question]
            mine.ended.set()
        return mine.given


class _Round(Generic[T]):
    """One asking: until it has begun, others may join it."""

    given: T

    def __init__(self, has_begun: bool) -> None:
        self.has_begun = has_begun
        self.ended = Event()
        self.error: BaseException | None = None

    def outcome(self, longest: float) -> T:
        """What it gave, once it has ended."""
        if not self.ended.wait(longest):
            raise Unavailable("The answer took too long.")
        if self.error is not None:
            raise self.error
        return self.given
