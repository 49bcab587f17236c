"""What is kept is given while nothing was told that speaks against it, and never after."""

from datetime import timedelta

import pytest

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.ids import first_id_at, new_id
from crm_chassis.resources.kept import LATE, MOST_NAMES, MOST_TIDINGS, OWN, Kept

ANN = "contacts/1"
# How many answers fit at the most; one may take a sixteenth of it.
ROOM = 16


class Log:
    """Events about customers, as a service's log or the journal tells of them."""

    def __init__(self):
        self.events = []

    def tell(self, customer, moment=None):
        self.events.append((customer, moment or now()))

    def tidings(self, customers, since, limit):
        found = [moment for name, moment in self.events if name in customers and moment > since]
        return min(len(found), limit)


class Maker:
    """Makes answers, each another one, and counts them."""

    def __init__(self):
        self.made = 0

    def __call__(self):
        self.made += 1
        return b"%d" % self.made


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def kept(log):
    return Kept(log.tidings, len, most=ROOM * OWN)


def ask(kept, make, names=(ANN,), question=ANN):
    return kept.answer(question, lambda: names, make)


def test_an_answer_is_given_again_while_nothing_happens(kept):
    make = Maker()

    assert [ask(kept, make) for _ in range(3)] == [b"1"] * 3


def test_an_answer_is_made_anew_once_something_has_happened(kept, log):
    make = Maker()
    ask(kept, make)

    log.tell(ANN)

    assert [ask(kept, make), ask(kept, make)] == [b"2", b"2"]


def test_what_happens_to_another_customer_disturbs_nothing(kept, log):
    make = Maker()
    ask(kept, make)

    log.tell("contacts/2")

    assert ask(kept, make) == b"1"


def test_what_happens_to_somebody_whom_the_answer_rests_on_counts_as_well(kept, log):
    make = Maker()
    names = [ANN, "organizations/1"]
    ask(kept, make, names)

    log.tell("organizations/1")

    assert ask(kept, make, names) == b"2"


def test_somebody_who_joins_while_the_answer_is_begun_counts_as_well(kept, log):
    make = Maker()
    around = [ANN]

    def names():
        found = list(around)
        if not make.made and len(around) == 1:
            around.append("organizations/1")
            log.tell(ANN)
        return found

    kept.answer(ANN, names, make)
    log.tell("organizations/1")

    assert kept.answer(ANN, names, make) == b"2"
    log.tell("organizations/1")
    assert kept.answer(ANN, names, make) == b"3"


def test_an_event_that_is_seen_after_a_newer_one_is_not_missed(kept, log):
    make = Maker()
    log.tell(ANN)
    ask(kept, make)

    log.tell(ANN, now() - LATE / 2)

    assert ask(kept, make) == b"2"


def test_what_happens_while_an_answer_is_made_makes_the_next_one_new(kept, log):
    make = Maker()

    def disturbed():
        log.tell(ANN)
        return make()

    assert ask(kept, disturbed) == b"1"
    assert ask(kept, make) == b"2"


def test_a_customer_to_whom_very_much_happens_is_asked_about_each_time(kept, log):
    make = Maker()
    for _ in range(MOST_TIDINGS + 1):
        log.tell(ANN)

    assert [ask(kept, make) for _ in range(2)] == [b"1", b"2"]


def test_an_answer_that_rests_on_very_many_is_made_each_time(kept):
    make = Maker()
    many = [f"contacts/{number}" for number in range(MOST_NAMES + 1)]

    assert [ask(kept, make, many) for _ in range(2)] == [b"1", b"2"]


def test_a_large_answer_is_not_kept_and_drives_no_other_out(kept):
    small, large = Maker(), Maker()
    ask(kept, small)

    def make_large():
        return large() * (OWN + 1)

    ask(kept, make_large, question="another")
    ask(kept, make_large, question="another")

    assert large.made == 2
    assert ask(kept, small) == b"1"


def test_answers_that_are_small_take_room_as_well(kept):
    first = Maker()
    ask(kept, first)

    for number in range(ROOM):
        ask(kept, Maker(), question=number)

    assert ask(kept, first) == b"2"


def test_a_forgotten_answer_is_made_anew(kept):
    make = Maker()
    ask(kept, make)

    kept.forget(ANN)

    assert ask(kept, make) == b"2"


def test_a_failure_is_not_kept(kept):
    def fail():
        raise LookupError

    with pytest.raises(LookupError):
        ask(kept, fail)

    assert ask(kept, Maker()) == b"1"


def test_an_id_sorts_after_every_moment_before_it_and_before_every_later_one():
    moment = now()
    id_ = new_id()

    assert first_id_at(moment) < id_ < first_id_at(moment + timedelta(seconds=1))
