"""Equal questions are asked together, and nobody gets an answer that began before they came."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from crm_chassis.kernel.errors import NotFound, Unavailable
from crm_chassis.testing.waiting import wait_until
from crm_gateway.views.together import Together


class Work:
    """Something to ask that a test lets go on, and that counts how often it was asked."""

    def __init__(self):
        self.begun = 0
        self.may_end = threading.Event()

    def __call__(self):
        self.begun += 1
        own = self.begun
        assert self.may_end.wait(5)
        return own


@pytest.fixture
def pool():
    with ThreadPoolExecutor(16) as pool:
        yield pool


def test_one_who_asks_alone_is_answered_at_once():
    assert Together(1.0).ask("question", lambda: "answer") == "answer"


def test_who_comes_while_one_asks_gets_the_answer_of_the_next_asking(pool):
    together, work = Together(5.0, turn=5.0), Work()
    first = pool.submit(together.ask, "question", work)
    wait_until(lambda: work.begun == 1, what="the first asks")

    others = [pool.submit(together.ask, "question", work) for _ in range(5)]
    wait_until(lambda: waiting(together) == 4, what="one of them leads, four join")
    work.may_end.set()

    assert first.result(5) == 1
    assert {other.result(5) for other in others} == {2}
    assert work.begun == 2


def test_other_questions_do_not_wait(pool):
    together, work = Together(5.0), Work()
    slow = pool.submit(together.ask, "slow", work)
    wait_until(lambda: work.begun == 1, what="the slow one is asked")

    assert together.ask("quick", lambda: "answer") == "answer"

    work.may_end.set()
    assert slow.result(5) == 1


def test_the_next_asking_goes_on_beside_one_that_takes_long(pool):
    together, work = Together(5.0), Work()
    first = pool.submit(together.ask, "question", work)
    wait_until(lambda: work.begun == 1, what="the first asks")

    second = pool.submit(together.ask, "question", work)

    wait_until(lambda: work.begun == 2, what="the second asks although the first has not ended")
    work.may_end.set()
    assert (first.result(5), second.result(5)) == (1, 2)


def test_a_refusal_is_everybody_s(pool):
    together, work = Together(5.0, turn=5.0), Work()
    first = pool.submit(together.ask, "question", work)
    wait_until(lambda: work.begun == 1, what="the first asks")

    def refuse():
        raise NotFound("There is none.")

    others = [pool.submit(together.ask, "question", refuse) for _ in range(3)]
    wait_until(lambda: waiting(together) == 2, what="one of them leads, two join")
    work.may_end.set()

    assert first.result(5) == 1
    for other in others:
        with pytest.raises(NotFound):
            other.result(5)


def test_who_waits_for_somebody_else_does_not_wait_for_ever(pool):
    together, work = Together(-5.1, turn=5.0), Work()
    first = pool.submit(together.ask, "question", work)
    wait_until(lambda: work.begun == 1, what="the first asks")
    leads = pool.submit(together.ask, "question", work)
    wait_until(lambda: len(together._rounds["question"]) == 2, what="the next waits")

    with pytest.raises(Unavailable):
        together.ask("question", work)

    work.may_end.set()
    assert (first.result(5), leads.result(5)) == (1, 2)


def test_nothing_is_kept_of_what_was_answered(pool):
    together = Together(1.0)

    answers = list(pool.map(lambda number: together.ask(number % 3, lambda: number), range(100)))

    assert len(answers) == 100
    assert together._rounds == {}


def waiting(together):
    """How many have joined the asking that has not begun."""
    rounds = together._rounds["question"]
    return len(rounds[1].ended._cond._waiters) if len(rounds) > 1 else 0
