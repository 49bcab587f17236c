"""Timelines, on a real database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from crm_analytics.parents.introduction import Introduction
from crm_analytics.testing import a_contact, an_event, an_interaction, an_organization, happen
from crm_analytics.timeline.queries import question_of, timeline_page
from crm_analytics.timeline.rules import entry_json
from crm_chassis.kernel.clock import MILLISECOND, now
from crm_chassis.kernel.errors import Invalid, NotFound
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.rpc.references import References
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call, a_principal

TEAM = "teams/0190b0c4-0000-7000-8000-000000000001"
OTHER_TEAM = "teams/0190b0c4-0000-7000-8000-000000000002"
START = now() - timedelta(days=1)


def at(minutes):
    return START + timedelta(minutes=minutes)


def events_in(page):
    return [row["_id"] for row in page.rows]


def read(customer, **asked):
    return timeline_page(question_of(customer, **asked))


def read_all(customer, **asked):
    pages, token = [], ""
    while not pages or token:
        pages.append(read(customer, page_token=token, **asked))
        token = pages[-1].next_page_token
    return pages


def test_a_timeline_tells_what_happened_around_a_customer_newest_first():
    ann = a_contact(display_name="Ann")
    call = an_interaction(ann.name, subject="About the offer")
    created = an_event(ann, time=at(0))
    called = an_event(call, time=at(2))
    changed = an_event(ann, "updated", sequence=2, time=at(1))
    happen(created, called, changed, an_event(a_contact(), time=at(3)))

    page = read(ann.name)

    assert events_in(page) == [called.id, changed.id, created.id]
    assert entry_json(page.rows[0]) == {
        "time": f"{at(2).isoformat(timespec='milliseconds')[:-6]}Z",
        "type": "crm.contacts.interaction.created.v1",
        "subject": call.name,
        "summary": "About the offer",
        "actor": called.actor,
        "event": called.id,
    }
    assert [entry_json(row)["summary"] for row in page.rows[1:]] == ["", ""]


def test_pages_miss_and_repeat_nothing_while_events_arrive():
    ann = a_contact()
    # Five of one millisecond: the event's id tells them apart.
    made = [an_event(ann, sequence=n + 1, time=at(n // 5)) for n in range(23)]
    happen(*made)

    first = read(ann.name, page_size=7)
    happen(an_event(ann, sequence=24, time=at(60)), an_event(ann, sequence=25, time=at(61)))
    rest, token = [], first.next_page_token
    while token:
        page = read(ann.name, page_size=7, page_token=token)
        rest += events_in(page)
        token = page.next_page_token

    newest_first = sorted(made, key=lambda event: (event.time, event.id), reverse=True)
    assert events_in(first) + rest == [event.id for event in newest_first]


def test_a_page_has_a_hundred_entries_when_nobody_says():
    ann = a_contact()
    happen(*(an_event(ann, sequence=n + 1, time=at(n)) for n in range(130)))

    sizes = [len(page.rows) for page in read_all(ann.name)]

    assert sizes == [100, 30]


def test_a_token_of_another_customer_is_refused():
    ann, bob = a_contact(), a_contact()
    happen(*(an_event(ann, sequence=n + 1) for n in range(3)), an_event(bob))
    token = read(ann.name, page_size=1).next_page_token

    with pytest.raises(Invalid) as refused:
        read(bob.name, page_token=token)

    assert refused.value.flaws[0].field == "page_token"


def test_a_customer_whose_event_arrives_during_the_reading_is_found():
    ann = a_contact()
    created = an_event(ann)
    nobody_to_ask = Introduction(References(()))
    tries = []

    def reading():
        tries.append(ann.name)
        try:
            return read(ann.name)
        finally:
            happen(created)

    page = nobody_to_ask.reading(ann.name, reading)

    assert events_in(page) == [created.id]
    assert len(tries) == 2


def test_entries_are_filtered_by_time_type_subject_and_actor():
    ann = a_contact()
    call = an_interaction(ann.name)
    bob = "users/0190b0c4-0000-7000-8000-00000000000b"
    created, called = an_event(ann, time=at(0)), an_event(call, time=at(1))
    changed = an_event(ann, "updated", sequence=2, time=at(2), actor=bob)
    happen(created, called, changed)

    def found(filter_):
        return events_in(read(ann.name, filter=filter_))

    assert found(f'actor = "{bob}"') == [changed.id]
    assert found('type = "crm.contacts.contact.*"') == [changed.id, created.id]
    assert found(f'subject = "{call.name}"') == [called.id]
    assert found(f'time > "{at(0).isoformat()}" AND NOT actor = "{bob}"') == [called.id]
    with pytest.raises(Invalid):
        found('summary = "Hello"')


def test_a_customer_that_is_unknown_hidden_or_deleted_has_no_timeline():
    ann, gone = a_contact(teams=[TEAM]), a_contact()
    happen(an_event(ann), an_event(gone), an_event(gone, "deleted", sequence=2, deleted=True))

    for name in (a_contact().name, gone.name):
        with pytest.raises(NotFound):
            read(name)
    for caller in (a_principal("TEAM", teams=[OTHER_TEAM]), a_principal(CREATE="ALL")):
        with call_scope(a_call(caller)), pytest.raises(NotFound):
            read(ann.name)
    with call_scope(a_call(a_principal("TEAM", teams=[TEAM]))):
        assert len(read(ann.name).rows) == 1


def test_each_entry_is_seen_by_whoever_sees_its_parent_today():
    acme = an_organization(teams=[TEAM])
    ours, theirs = (
        a_contact(teams=[team], positions=[{"organization": acme.name}], owner="")
        for team in (TEAM, OTHER_TEAM)
    )
    of_acme, of_ours, of_theirs = (
        an_event(each, time=at(n)) for n, each in enumerate((acme, ours, theirs))
    )
    happen(of_acme, of_ours, of_theirs)
    mate = a_principal("TEAM", teams=[TEAM])

    with call_scope(a_call(mate)):
        before = events_in(read(acme.name))
    theirs.teams[:] = [TEAM]
    moved = an_event(theirs, "updated", sequence=2, time=at(9))
    happen(moved)
    with call_scope(a_call(mate)):
        after = events_in(read(acme.name))

    assert before == [of_ours.id, of_acme.id]
    assert after == [moved.id, of_theirs.id, of_ours.id, of_acme.id]
    assert events_in(read(acme.name)) == after


def a_reader_of(*collections):
    rights = {collection: {"READ": "ALL"} for collection in collections}
    return replace(a_principal(), rights=rights)


def test_entries_of_resources_that_one_may_not_read_are_not_shown():
    ann = a_contact()
    created = an_event(ann, time=at(0))
    calls = [an_event(an_interaction(ann.name), time=at(n + 1)) for n in range(30)]
    changed = an_event(ann, "updated", sequence=2, time=at(60))
    happen(created, *calls, changed)

    with call_scope(a_call(a_reader_of("contacts"))):
        pages = read_all(ann.name, page_size=1)
    with call_scope(a_call(a_reader_of("contacts", "interactions"))):
        everything = read(ann.name)

    assert [events_in(page) for page in pages] == [[changed.id], [created.id]]
    assert len(everything.rows) == 32


def test_entries_of_parents_that_events_have_not_brought_are_not_shown():
    ann = a_contact(teams=[TEAM])
    strange = an_event(a_contact(), time=at(1), customers=(ann.name,))
    happen(an_event(ann, time=at(0)), strange)
    service_database()["known"].delete_one({"_id": strange.parent})

    with call_scope(a_call(a_principal("TEAM", teams=[TEAM]))):
        page = read(ann.name)

    assert [row["subject"] for row in page.rows] == [ann.name]


def test_pages_are_full_however_much_is_hidden_between():
    acme = an_organization(teams=[TEAM])
    positions = [{"organization": acme.name}]
    hidden = [a_contact(owner="", teams=[OTHER_TEAM], positions=positions) for _ in range(150)]
    seen = a_contact(teams=[TEAM], positions=positions)
    shown = [an_event(seen, sequence=n + 1, time=at(n * 50)) for n in range(5)]
    happen(an_event(acme, time=at(-1)), *shown)
    happen(*(an_event(each, time=at(n)) for n, each in enumerate(hidden)))
    happen(*(an_event(each, sequence=2, time=at(n + 0.5)) for n, each in enumerate(hidden)))

    with call_scope(a_call(a_principal("TEAM", teams=[TEAM]))):
        pages = read_all(acme.name, page_size=2)

    assert [len(page.rows) for page in pages] == [2, 2, 2]
    assert [row["subject"] for page in pages for row in page.rows] == [seen.name] * 5 + [acme.name]


def test_a_timeline_is_read_as_it_was():
    ann = a_contact()
    created = an_event(ann, time=at(0))
    happen(
        created,
        an_event(ann, "updated", sequence=2, time=at(1)),
        an_event(ann, "deleted", sequence=3, time=at(2), deleted=True),
    )

    assert events_in(read(ann.name, read_time=at(0))) == [created.id]
    assert len(read(ann.name, read_time=at(1)).rows) == 2
    for moment in (at(0) - MILLISECOND, at(2)):
        with pytest.raises(NotFound):
            read(ann.name, read_time=moment)
    with pytest.raises(Invalid):
        read(ann.name, read_time=now() + timedelta(minutes=1))


def test_a_page_costs_the_same_however_far_down_it_is():
    ann = a_contact()
    happen(*(an_event(ann, sequence=n + 1, time=at(n)) for n in range(300)))
    token = read(ann.name, page_size=280).next_page_token

    service_database().command("profile", 2)
    rows = read(ann.name, page_size=5, page_token=token).rows
    service_database().command("profile", 0)

    command = {"ns": f"{service_database().name}.journal", "op": "query"}
    (profiled,) = service_database()["system.profile"].find(command)
    assert [row["time"] for row in rows] == [at(n) for n in (19, 18, 17, 16, 15)]
    assert profiled["keysExamined"] <= 8
