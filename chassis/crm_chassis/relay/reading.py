"""Reading the log: one step ahead, in a thread, for it waits for the database; and from when on."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from crm_chassis.kernel.clock import now
from crm_chassis.mongo import outbox

CHUNK = 250
# Most events are committed so soon after their time; one that is not waits for a reading of all.
SOON = timedelta(seconds=5)
READ_ALL_EVERY = 10.0
Rows = list[dict[str, Any]]


class ReadingAhead:
    """A reading whose next rows are on their way; calls `tell` when they are there."""

    def __init__(
        self, reading: outbox.Reading, thread: ThreadPoolExecutor, tell: Callable[[], None]
    ) -> None:
        self._reading, self._thread, self._tell = reading, thread, tell
        self._rows = self._ask()

    @property
    def is_cut(self) -> bool:
        """Whether it came to its limit: what lies beyond was not read."""
        return self._reading.is_cut

    @property
    def is_there(self) -> bool:
        """Whether there is no waiting for the next rows."""
        return self._rows.done()

    def take(self) -> tuple[Rows, bool]:
        """The next rows, and whether more follow.

        Raises:
            Failure: they could not be read.
        """
        rows, more = self._rows.result()
        if more:
            self._rows = self._ask()
        return rows, more

    def close(self) -> None:
        """Read no more of it."""
        wait([self._rows])
        self._reading.close()

    def _ask(self) -> Future[tuple[Rows, bool]]:
        rows = self._thread.submit(self._reading.next, CHUNK)
        rows.add_done_callback(lambda _: self._tell())
        return rows


class Recent:
    """From when on a reading has to go back: what is older was seen by the one before."""

    def __init__(self) -> None:
        self._begun = self._seen = now()
        self._is_all = self._must_be_all = True
        self._all_due = 0.0

    @property
    def since(self) -> datetime | None:
        """Where this reading begins; None is the beginning of the log."""
        return None if self._is_all else self._seen - SOON

    def begin(self, *, is_all: bool) -> None:
        """Begin a reading; of all when that is wanted, or due."""
        self._begun = now()
        self._is_all = is_all or self._must_be_all or monotonic() >= self._all_due
        self._must_be_all = False

    def was_read(self) -> None:
        """It came to its end."""
        self._seen = self._begun
        if self._is_all:
            self._all_due = monotonic() + READ_ALL_EVERY

    def read_all(self) -> None:
        """Something may have been missed: the next one is of all."""
        self._must_be_all = True
