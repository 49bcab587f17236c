"""Notes of several threads written together: who comes while one is written waits for the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

from crm_campaigns.deliveries.rules import Note

Write = Callable[[Sequence[Note]], list[bool]]


@dataclass
class _Entry:
    note: Note
    answer: bool = False
    error: Exception | None = None
    is_written: bool = False


class Notebook:
    """Writes notes by as few writes as there can be, none of which waits for more to come."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._writing, self._adding = Lock(), Lock()
        self._entries: list[_Entry] = []

    def note(self, note: Note) -> bool:
        """What writing the note answers, once it is written.

        Raises:
            Exception: whatever writing it raised.
        """
        entry = _Entry(note)
        with self._adding:
            self._entries.append(entry)
        with self._writing:
            if not entry.is_written:
                self._write_all()
        if entry.error is not None:
            raise entry.error
        return entry.answer

    def _write_all(self) -> None:
        with self._adding:
            entries, self._entries = self._entries, []
        try:
            answers = self._write([entry.note for entry in entries])
        except Exception as error:  # noqa: BLE001 - each of those who wait is told
            answers = [False] * len(entries)
            for entry in entries:
                entry.error = error
        for entry, answer in zip(entries, answers, strict=True):
            entry.answer, entry.is_written = answer, True
