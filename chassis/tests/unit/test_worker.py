"""The end of a worker: its threads end whatever they are just about to do."""

from threading import Event, Thread

from crm_chassis.testing.waiting import PATIENCE
from crm_chassis.working.operations import Operations
from crm_chassis.working.timers import Timers
from crm_chassis.working.worker import _Crew


class Slow(Event):
    """Tells whether it is set a good while after it has looked."""

    def __init__(self) -> None:
        super().__init__()
        self.looked, self.go_on = Event(), Event()

    def is_set(self) -> bool:
        found = super().is_set()
        self.looked.set()
        self.go_on.wait()
        return found


def test_a_thread_that_was_not_asked_to_stop_yet_when_the_others_were_woken_ends_too():
    stop = Slow()
    crew = _Crew(Timers("probe", {"ring": lambda _tx, _timer: None}), Operations({}, stop), stop)
    [thread], [wake] = crew.threads, crew.wakes.values()
    thread.start()
    stop.looked.wait()
    stop.set()

    finishing = Thread(target=crew._finish)
    finishing.start()
    wake.wait()
    wake.clear()  # as another thread does that shares it
    stop.go_on.set()

    finishing.join(PATIENCE)
    assert not thread.is_alive()
