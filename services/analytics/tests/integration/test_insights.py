"""Insights and the sections of a customer, on a real database."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import orjson
import pytest
from bson import Decimal128

from crm_analytics.customers.queries import sections_of
from crm_analytics.insights.documents import engagements
from crm_analytics.insights.queries import insights_now, insights_then
from crm_analytics.parents.queries import Sight
from crm_analytics.testing import (
    a_case,
    a_contact,
    an_event,
    an_interaction,
    an_organization,
    happen,
)
from crm_chassis.kernel.clock import now, rfc3339
from crm_chassis.kernel.errors import NotFound
from crm_chassis.kernel.ids import new_id
from crm_chassis.kernel.money import Money
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call, a_principal

TEAM = "teams/0190b0c4-0000-7000-8000-000000000001"
START = now() - timedelta(days=1)
ADMINISTRATOR = a_principal()


def at(minutes):
    return START + timedelta(minutes=minutes)


def test_interactions_are_counted_as_they_come_change_and_go():
    ann = a_contact()
    calls = [an_interaction(ann.name, occur_time=at(-n)) for n in range(4)]
    happen(an_event(ann, time=at(0)), *(an_event(call, time=at(1)) for call in calls))
    calls[0].occur_time.FromDatetime(at(-60))
    happen(
        an_event(calls[0], "updated", sequence=2, time=at(2)),
        an_event(calls[1], "deleted", sequence=2, time=at(3), deleted=True),
    )

    found = insights_now(ann.name, Sight(ADMINISTRATOR))

    assert (found.interactions, found.first_contact, found.last_contact) == (3, at(-60), at(-2))


def test_now_and_as_of_now_are_the_same_and_the_past_stays():
    ann = a_contact()
    call = an_interaction(ann.name, occur_time=at(-1))
    happen(an_event(ann, time=at(0)), an_event(call, time=at(1)))
    happen(an_event(call, "deleted", sequence=2, time=at(3), deleted=True))
    happen(an_event(call, "undeleted", sequence=3, time=at(5)))

    def counted(minutes):
        return insights_then(ann.name, Sight(ADMINISTRATOR), at(minutes)).interactions

    assert [counted(minutes) for minutes in (0, 1, 2, 3, 4, 5)] == [0, 1, 1, 0, 0, 1]
    assert insights_then(ann.name, Sight(ADMINISTRATOR), now()) == insights_now(
        ann.name, Sight(ADMINISTRATOR)
    )


def test_an_organization_has_the_interactions_of_its_people():
    acme, other = an_organization(teams=[TEAM]), an_organization()
    positions = [{"organization": acme.name}]
    ours = a_contact(positions=positions, teams=[TEAM])
    hidden, gone, moved = (a_contact(positions=positions) for _ in range(3))
    people = (ours, hidden, gone, moved)
    calls = [an_interaction(each.name, occur_time=at(n)) for n, each in enumerate(people)]
    happen(an_event(acme, time=at(0)), *(an_event(each, time=at(1)) for each in (*people, *calls)))
    moved.positions[0].organization = other.name
    happen(
        an_event(gone, "deleted", sequence=2, time=at(2), deleted=True),
        an_event(moved, "updated", sequence=2, time=at(2), customers=(acme.name, other.name)),
    )

    found = insights_now(acme.name, Sight(ADMINISTRATOR))

    assert (found.interactions, found.first_contact, found.last_contact) == (2, at(0), at(1))
    assert insights_now(acme.name, Sight(a_principal("TEAM", teams=[TEAM]))).interactions == 1
    assert insights_now(other.name, Sight(ADMINISTRATOR)).interactions == 1
    assert insights_then(acme.name, Sight(ADMINISTRATOR), now()) == found
    assert insights_then(acme.name, Sight(ADMINISTRATOR), at(1)).interactions == 4


def test_a_case_is_open_for_its_customers_until_it_is_resolved():
    ann, acme = a_contact(), an_organization()
    first = a_case(contact=ann.name, organization=acme.name)
    second = a_case(contact=ann.name, state="PENDING")
    third = a_case(contact=ann.name, state="OPEN")
    happen(*(an_event(each, time=at(0)) for each in (ann, acme, first, second, third)))
    first.state = first.RESOLVED
    happen(
        an_event(first, "resolved", sequence=2, time=at(2)),
        an_event(third, "deleted", sequence=2, time=at(2), deleted=True),
    )

    def counted(customer, minutes):
        then = insights_then(customer.name, Sight(ADMINISTRATOR), at(minutes))
        return then.open_cases

    assert [counted(ann, minutes) for minutes in (0, 3)] == [3, 1]
    assert [counted(acme, minutes) for minutes in (0, 3)] == [1, 0]
    assert insights_now(ann.name, Sight(ADMINISTRATOR)).open_cases == 1


def a_row(customer, collection, **fields):
    """What another kind of engagement leaves, as a later service's events will."""
    name = f"{collection}/{new_id()}"
    row = {"_id": name, "sequence": 1, "collection": collection, "customers": [customer]}
    engagements().insert_one({**row, "parent": name, "deleted": False, **fields})
    return name


def euros(amount):
    return {"currency_code": "EUR", "amount": Decimal128(amount)}


def test_amounts_are_summed_within_a_currency_and_to_the_cent():
    ann = a_contact()
    happen(an_event(ann))
    for amount in ("0.10", "0.20"):
        a_row(ann.name, "deals", state="OPEN", amount=euros(amount))
    a_row(ann.name, "deals", state="WON", amount=euros("7"))
    a_row(ann.name, "deals", state="OPEN")
    dollars = {"currency_code": "USD", "amount": Decimal128("1.5")}
    a_row(ann.name, "deals", state="OPEN", amount=dollars)
    a_row(ann.name, "cases", state="OPEN")
    a_row(ann.name, "cases", state="CLOSED")

    found = insights_now(ann.name, Sight(ADMINISTRATOR))

    assert (found.open_deals, found.open_cases) == (4, 1)
    assert found.open_amounts == (Money("EUR", Decimal("0.30")), Money("USD", Decimal("1.5")))
    assert found.won_amounts == (Money("EUR", Decimal(7)),)


def test_nothing_is_counted_that_the_caller_may_not_see():
    ann = a_contact(teams=[TEAM])
    call = an_interaction(ann.name)
    happen(an_event(ann), an_event(call))
    a_row(ann.name, "deals", state="OPEN", amount=euros("5"))
    mate = a_principal("TEAM", teams=[TEAM])

    found = insights_now(ann.name, Sight(mate))

    assert (found.interactions, found.open_deals, found.open_amounts) == (1, 0, ())
    assert insights_now(ann.name, Sight(ADMINISTRATOR)).open_deals == 1
    assert insights_then(ann.name, Sight(a_principal(CREATE="ALL")), now()).interactions == 0


def test_interactions_are_not_counted_for_who_may_not_read_them():
    ann = a_contact()
    happen(an_event(ann), an_event(an_interaction(ann.name)))
    reader = replace(a_principal(), rights={"contacts": {"READ": "ALL"}})

    assert insights_now(ann.name, Sight(reader)).interactions == 0
    assert insights_then(ann.name, Sight(reader), now()).interactions == 0


def test_the_sections_are_json_as_the_view_shows_it():
    ann = a_contact()
    call = an_interaction(ann.name, subject="Offer", occur_time=at(-5))
    called = an_event(call, time=at(1))
    happen(an_event(ann, time=at(0)), called)

    found = sections_of(ann.name, (), None)

    assert orjson.loads(found.sections["insights"]) == {
        "firstContactTime": rfc3339(at(-5)),
        "lastContactTime": rfc3339(at(-5)),
        "interactionCount": 1,
        "openDealCount": 0,
        "openAmounts": [],
        "wonAmounts": [],
        "openCaseCount": 0,
    }
    timeline = orjson.loads(found.sections["timeline"])
    assert timeline["nextPageToken"] == ""
    assert [entry["summary"] for entry in timeline["entries"]] == ["Offer", ""]
    assert found.as_of == at(1)


def test_only_the_sections_asked_for_are_told():
    ann = a_contact()
    happen(an_event(ann))

    assert list(sections_of(ann.name, ["insights"], None).sections) == ["insights"]
    assert list(sections_of(ann.name, ["deals"], None).sections) == []


def test_sections_are_told_as_they_were():
    ann = a_contact()
    call = an_interaction(ann.name)
    happen(an_event(ann, time=at(0)), an_event(call, time=at(5)))

    found = sections_of(ann.name, (), at(3))

    assert orjson.loads(found.sections["insights"])["interactionCount"] == 0
    assert len(orjson.loads(found.sections["timeline"])["entries"]) == 1
    assert found.as_of == at(0)
    with pytest.raises(NotFound):
        sections_of(ann.name, (), at(-1))


def test_a_stranger_is_told_nothing_of_a_customer():
    ann = a_contact(teams=[TEAM])
    happen(an_event(ann))

    with call_scope(a_call(a_principal("TEAM"))), pytest.raises(NotFound):
        sections_of(ann.name, (), None)


def test_what_has_happened_is_told_at_once_to_whoever_asked_before():
    ann = a_contact()
    happen(an_event(ann))
    sections_of(ann.name, (), None)

    happen(an_event(an_interaction(ann.name)))

    found = sections_of(ann.name, (), None)
    assert orjson.loads(found.sections["insights"])["interactionCount"] == 1
    assert len(orjson.loads(found.sections["timeline"])["entries"]) == 2


def test_an_organization_s_insights_follow_what_happens_to_its_people():
    acme = an_organization()
    ann = a_contact(positions=[{"organization": acme.name}])
    happen(an_event(acme), an_event(ann))
    sections_of(acme.name, (), None)

    happen(an_event(an_interaction(ann.name)))

    insights = orjson.loads(sections_of(acme.name, (), None).sections["insights"])
    assert insights["interactionCount"] == 1


def test_an_entry_is_gone_once_its_parent_is_not_seen_any_more_though_nothing_is_told_of_it():
    ann, desk = a_contact(teams=[TEAM]), an_organization(teams=[TEAM])
    call = an_event(an_interaction(ann.name), parent=desk.name)
    happen(an_event(ann), an_event(desk), call)
    mate = a_call(a_principal("TEAM", teams=[TEAM]))

    def entries():
        with call_scope(mate):
            timeline = orjson.loads(sections_of(ann.name, (), None).sections["timeline"])
        return [entry["event"] for entry in timeline["entries"]]

    assert call.id in entries()
    taken = an_organization(desk.name, teams=[])
    happen(an_event(taken, "updated", sequence=2))

    assert call.id not in entries()
