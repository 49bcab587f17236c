"""Decisions about the ledger."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from crm_analytics.ledger.rules import (
    LONGEST_SPAN,
    MINUTE,
    MOST_NAMED,
    PATIENCE,
    SETTLED,
    Account,
    Gap,
    Span,
    Stages,
    Trace,
    minute_of,
    next_look,
    next_span,
    spans_of,
    together,
    unasked,
)
from crm_chassis.kernel.clock import now

NOW = now()
OLD, YOUNG = NOW - timedelta(hours=1), NOW - PATIENCE / 2
PUBLISHED = Stages.ACCEPTED | Stages.STORED | Stages.PUBLISHED
EVERYWHERE = PUBLISHED | Stages.ARCHIVED
FIRST = "contacts/1"


def a_trace(number, stages=EVERYWHERE, subject=FIRST, sequence=None, time=OLD):
    return Trace(f"{number:04}", subject, sequence or number, time, stages.value)


def account_of(*traces):
    account = Account("contacts", NOW)
    for trace in traces:
        account.take(trace)
    return account


def test_both_streams_become_one_trace_for_each_event():
    told = [a_trace(n, PUBLISHED) for n in (1, 2, 4)]
    archived = [a_trace(n, Stages.ARCHIVED) for n in (2, 3, 4)]

    found = {trace.event: Stages(trace.stages) for trace in together(told, archived)}

    assert found == {
        "0001": PUBLISHED,
        "0002": EVERYWHERE,
        "0003": Stages.ARCHIVED,
        "0004": EVERYWHERE,
    }


@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)))
def test_every_event_of_either_stream_is_counted_once(told, archived):
    balance = account_of(
        *together(
            [a_trace(n, PUBLISHED) for n in sorted(told)],
            [a_trace(n, Stages.ARCHIVED) for n in sorted(archived)],
        )
    ).balance

    counts = (balance.accepted, balance.stored, balance.published, balance.archived)
    assert counts == (len(told), len(told), len(told), len(archived))
    assert balance.missing == [f"{n:04}" for n in sorted(told ^ archived)]
    assert balance.difference == len(told ^ archived)


def test_an_event_that_a_stage_lacks_is_missing_unless_it_is_on_its_way():
    stored = Stages.ACCEPTED | Stages.STORED
    balance = account_of(
        a_trace(1, stored), a_trace(2, stored, time=YOUNG), a_trace(3, time=YOUNG)
    ).balance

    assert (balance.difference, balance.in_flight) == (1, 1)
    assert balance.gaps == [Gap("0001", FIRST, 1, stored)]


def test_a_version_that_nobody_has_is_a_hole():
    account = account_of(*(a_trace(n) for n in (1, 2, 5, 4, 9)))

    assert set(account.versions.holes()) == {(FIRST, version) for version in (3, 6, 7, 8)}
    assert list(account.versions.befores()) == [(FIRST, 1)]


@given(st.permutations(range(2, 12)), st.sets(st.integers(3, 10)))
def test_holes_are_found_in_whatever_order_versions_come(order, lost):
    account = account_of(*(a_trace(n) for n in order if n not in lost))

    assert {version for _, version in account.versions.holes()} == lost


def test_the_version_before_is_not_asked_for_when_another_stage_has_it():
    account = account_of(a_trace(1, PUBLISHED), a_trace(2))

    assert list(account.versions.befores()) == []


def test_versions_on_their_way_are_not_compared():
    account = account_of(a_trace(1), a_trace(3, time=YOUNG))

    assert list(account.versions.holes()) == []


def test_no_more_are_named_than_there_is_room_for():
    balance = account_of(*(a_trace(n + 1, Stages.STORED) for n in range(MOST_NAMED + 5))).balance

    assert balance.difference == MOST_NAMED + 5
    assert len(balance.missing) == len(balance.gaps) == MOST_NAMED


def test_a_source_that_did_not_answer_is_never_in_balance():
    assert unasked("contacts", 0, "UNAVAILABLE").difference == 1
    assert unasked("contacts", 7, "TIMEOUT").difference == 7
    assert unasked("contacts", 7, "").unavailable


def test_what_is_looked_at_next_has_settled_and_is_not_too_long():
    until = minute_of(NOW)

    assert next_span(until, NOW) == Span(until, until)
    assert next_span(OLD, OLD + SETTLED + MINUTE).end == minute_of(OLD + MINUTE)
    assert next_span(OLD - timedelta(days=3), NOW).end == OLD - timedelta(days=3) + LONGEST_SPAN


@given(st.sets(st.integers(0, 200)))
def test_minutes_that_follow_one_another_are_looked_at_together(numbers):
    begin = minute_of(OLD)
    starts = [begin + number * MINUTE for number in sorted(numbers)]

    spans = list(spans_of(starts))

    covered = [start for span in spans for start in starts if span.start <= start < span.end]
    assert covered == starts
    assert sum(((span.end - span.start) for span in spans), timedelta()) == len(starts) * MINUTE
    assert all(span.end - span.start <= LONGEST_SPAN for span in spans)


def test_what_is_not_whole_is_looked_at_soon_and_then_less_and_less_often():
    minutes, hours = timedelta(minutes=1), timedelta(hours=1)

    waits = [next_look(NOW - age, NOW, 3) - NOW for age in (5 * minutes, 5 * hours, 20 * hours)]

    assert waits == [minutes / 2, hours / 2, hours]
    assert next_look(NOW - minutes, NOW, 0) - NOW == 3 * hours
