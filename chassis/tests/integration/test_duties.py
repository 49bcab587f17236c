"""Duties: who has one looks when a row is ready, keeps what it holds, and lets go at the end."""

from threading import Event, Thread

from crm_chassis.kernel.clock import now
from crm_chassis.testing.waiting import wait_until
from crm_chassis.working import worker
from crm_chassis.working.duties import Duty, pause_after_failures
from crm_chassis.working.operations import Operations
from crm_chassis.working.timers import Timers
from crm_chassis.working.worker import _Crew


def test_a_duty_is_done_while_rows_are_ready_and_let_go_of_at_the_end(database, monkeypatch):
    monkeypatch.setattr(worker, "RENEWAL", 0.0)
    done, renewed, closed = [], Event(), Event()
    database["letters"].insert_many([{"_id": number, "ready": now()} for number in range(3)])

    def once() -> bool:
        row = database["letters"].find_one_and_delete({"ready": {"$lte": now()}})
        done.append(row and row["_id"])
        return row is not None

    def renew() -> bool:
        renewed.set()
        return True

    stop = Event()
    duty = Duty("letters", once, renew, closed.set)
    crew = _Crew(Timers("probe", {}), Operations({}, stop), stop, [duty])
    working = Thread(target=crew.work)
    working.start()

    try:
        wait_until(lambda: len(done) >= 4, what="the letters, and a look after them")
        wait_until(renewed.is_set, what="a renewal")
    finally:
        stop.set()
        working.join()

    assert sorted(done[:3]) == [0, 1, 2]
    assert done[3] is None
    assert closed.is_set()


def test_who_fails_again_and_again_waits_longer_each_time():
    waits = [pause_after_failures(count).total_seconds() for count in (1, 2, 3, 7, 100)]

    assert waits == [1, 2, 4, 60, 60]
