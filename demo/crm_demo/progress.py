"""How far the load is, on the terminal: a line for each step."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Step:
    """One step and how much of it is done."""

    def __init__(self, title: str, total: int) -> None:
        self._title = title
        self._total = total
        self._done = 0
        self._began = self._told = time.monotonic()
        self._lock = Lock()

    def advance(self, count: int = 1) -> None:
        """So much more is done."""
        with self._lock:
            self.show(self._done + count)

    def show(self, done: int) -> None:
        """So much is done in all."""
        self._done = done
        moment = time.monotonic()
        if sys.stdout.isatty() and moment - self._told > 0.1:
            self._told = moment
            print(f"\r{self._line()}", end="", flush=True)

    def end(self) -> None:
        """Leave the last word on a line of its own."""
        start = "\r" if sys.stdout.isatty() else ""
        print(f"{start}{self._line()}{time.monotonic() - self._began:7.1f} s", flush=True)

    def _line(self) -> str:
        return f"  {self._title:<15}{self._done:>6} of {self._total:<6}"


@contextmanager
def step(title: str, total: int) -> Iterator[Step]:
    """Tell of a step while it is done, and of how long it took."""
    current = Step(title, total)
    yield current
    current.end()
