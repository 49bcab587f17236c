"""Reading the log one step ahead, in a thread: it waits for the database."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from crm_chassis.mongo import outbox

CHUNK = 250
Rows = list[dict[str, Any]]


class ReadingAhead:
    """A reading whose next rows are on their way; calls `tell` when they are there."""

    def __init__(
        self, reading: outbox.Reading, thread: ThreadPoolExecutor, tell: Callable[[], None]
    ) -> None:
        self._reading, self._thread, self._tell = reading, thread, tell
        self._rows = self._ask()

    @property
    def is_there(self) -> bool:
        """Whether there is no waiting for the next rows."""
        return self._rows.done()

    def take(self) -> tuple[Rows, bool]:
        """The next rows, and whether more follow.

        Raises:
            Failure: they could not be read.
        """
        rows = self._rows.result()
        more = len(rows) == CHUNK
        if more:
            self._rows = self._ask()
        return rows, more

    def close(self) -> None:
        """Read no more of it."""
        wait([self._rows])
        self._reading.close()

    def _ask(self) -> Future[Rows]:
        rows = self._thread.submit(self._reading.next, CHUNK)
        rows.add_done_callback(lambda _: self._tell())
        return rows
