"""Resources whose next event the broker did not take: each is tried again later and later."""

from collections.abc import Collection
from time import monotonic

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
# With so many the broker is at fault, not they: nothing is read until the first may try again.
TOO_MANY = 500


class Refusals:
    """The resources that wait."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[float, float]] = {}
        self._waiting: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self._until)

    def __contains__(self, subject: str) -> bool:
        return subject in self._waiting

    @property
    def waiting(self) -> Collection[str]:
        """Those to leave out for now."""
        return self._waiting

    @property
    def are_too_many(self) -> bool:
        """Whether all else has to wait for them."""
        return len(self._waiting) >= TOO_MANY

    def add(self, subject: str) -> None:
        """Let a resource wait, twice as long as the time before."""
        _, before = self._until.get(subject, (0.0, FIRST_PAUSE / 2))
        pause = min(before * 2, LONGEST_PAUSE)
        self._until[subject] = (monotonic() + pause, pause)
        self._waiting |= {subject}

    def forget(self, subject: str) -> bool:
        """Its event was taken. Gives whether it had to wait: others may stand behind it."""
        return self._until.pop(subject, None) is not None

    def look(self) -> None:
        """Let those try again whose time has come: only between two readings of the log."""
        moment = monotonic()
        # One that was not tried again long after its time is another relay's by now.
        self._until = {
            subject: (until, pause)
            for subject, (until, pause) in self._until.items()
            if until + 2 * LONGEST_PAUSE > moment
        }
        self._waiting = frozenset(
            subject for subject, (until, _) in self._until.items() if until > moment
        )
