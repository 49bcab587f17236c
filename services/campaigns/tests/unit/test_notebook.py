"""Notes of several threads are written together, and each is told how its own went."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from crm_campaigns.deliveries.notebook import Notebook
from crm_campaigns.deliveries.rules import Note
from crm_chassis.testing.waiting import PATIENCE, wait_until


def test_who_comes_while_one_note_is_written_waits_for_the_next_write():
    written, go_on = [], Event()

    def write(notes):
        written.append(len(notes))
        go_on.wait(PATIENCE)
        return [note.begun[0] != "2" for note in notes]

    notebook = Notebook(write)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(notebook.note, Note({}, ("0", {})))
        wait_until(lambda: written == [1])
        others = [threads.submit(notebook.note, Note({}, (str(n), {}))) for n in (1, 2, 3)]
        wait_until(lambda: len(notebook._entries) == 3)
        go_on.set()
        answers = [first.result(), *(each.result() for each in others)]

    assert written == [1, 3]
    assert answers == [True, True, False, True]


def test_everybody_whose_note_was_not_written_is_told():
    def write(_notes):
        raise OSError("away")

    notebook = Notebook(write)

    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            notebook.note(Note({}))
