"""A load at an even pace: a request is due at its moment, whoever is late meanwhile."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

from crm_chassis.testing.suite import Client

Request = Callable[[Client], None]


@dataclass
class Pace:
    """Requests at so many a second, by several clients, and how long each took."""

    request: Request
    rate: float
    seconds: list[tuple[float, float]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _next: float = 0.0

    def begin(self, clients: Sequence[Client], stop: Event) -> list[Thread]:
        """Let the clients work until they are stopped, or one of them fails."""
        self._next = time.monotonic()
        threads = [Thread(target=self._work, args=(client, stop)) for client in clients]
        for thread in threads:
            thread.start()
        return threads

    def between(self, start: float, end: float) -> list[float]:
        """How long those took that were due within these moments, the shortest first."""
        return sorted(took for due, took in self.seconds if start <= due < end)

    def _work(self, client: Client, stop: Event) -> None:
        try:
            while not stop.is_set() and not self.failures:
                due = self._turn()
                if stop.wait(due - time.monotonic()):
                    return
                self.request(client)
                # From when it was due: who has to wait for a client waits for the suite.
                self.seconds.append((due, time.monotonic() - due))
        except BaseException as error:  # noqa: BLE001 - the test is told of it
            self.failures.append(error)

    def _turn(self) -> float:
        with self._lock:
            due = self._next
            self._next += 1 / self.rate
        return due
