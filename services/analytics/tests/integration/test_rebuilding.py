"""Sections of services that do not answer, as the journal last knew them."""

from datetime import timedelta

import orjson

from crm_analytics.customers.rebuilding import may_see, rebuild
from crm_analytics.insights.queries import insights_now, insights_then
from crm_analytics.parents.queries import Sight
from crm_analytics.testing import a_contact, a_deal, an_event, an_organization, happen
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.money import Money
from crm_chassis.resources.sections import MOST
from crm_chassis.testing.calls import a_principal

TEAM = "teams/0190b0c4-0000-7000-8000-000000000001"
START = now() - timedelta(days=1)


def at(minutes):
    return START + timedelta(minutes=minutes)


def told(customer, moment=None, caller=None):
    known = rebuild("deals", customer.name, Sight(caller or a_principal()), moment)
    section = orjson.loads(known.data)
    return [deal["displayName"] for deal in section["deals"]], section["totalSize"], known.as_of


def test_the_newest_version_of_each_deal_is_told_newest_first():
    ann, acme = a_contact(), an_organization()
    first = a_deal(ann.name, display_name="First", organization=acme.name, create_time=at(1))
    second = a_deal(ann.name, display_name="Second", create_time=at(2))
    happen(an_event(first, time=at(1)), an_event(second, time=at(2)))
    first.display_name = "First of all"
    happen(an_event(first, "updated", sequence=2, time=at(3)))

    assert told(ann) == (["Second", "First of all"], 2, at(3))
    assert told(acme) == (["First of all"], 1, at(3))
    assert told(ann, at(1)) == (["First"], 1, at(1))
    assert told(a_contact()) == ([], 0, None)


def test_what_was_deleted_or_is_somebody_else_s_by_now_is_not_told():
    ann, bob = a_contact(), a_contact()
    gone, handed = a_deal(ann.name), a_deal(ann.name, display_name="Handed on")
    happen(an_event(gone, time=at(1)), an_event(handed, time=at(1)))
    happen(an_event(gone, "deleted", sequence=2, time=at(2), deleted=True))
    handed.contacts[0].contact = bob.name
    both = (ann.name, bob.name)
    happen(an_event(handed, "updated", sequence=2, time=at(3), customers=both))

    assert told(ann)[0] == []
    assert told(bob)[0] == ["Handed on"]
    assert sorted(told(ann, at(1))[0]) == ["Anvils", "Handed on"]


def test_one_is_told_what_one_may_see():
    ann, mate = a_contact(), a_principal("TEAM", teams=[TEAM])
    happen(an_event(a_deal(ann.name, display_name="Ours", teams=[TEAM])))
    happen(an_event(a_deal(ann.name, display_name="Theirs")))

    assert told(ann, caller=mate)[:2] == (["Ours"], 1)
    assert told(ann, now(), mate)[:2] == (["Ours"], 1)
    assert may_see("deals", Sight(mate))
    assert not may_see("deals", Sight(a_principal(CREATE="ALL")))


def test_of_many_the_newest_are_told_and_all_are_counted():
    ann = a_contact()
    happen(*(an_event(a_deal(ann.name)) for _ in range(MOST + 1)))

    names, size, _ = told(ann)

    assert (len(names), size) == (MOST, MOST + 1)


def test_deals_count_in_insights_by_state_and_currency():
    ann, acme = a_contact(), an_organization()
    amount = {"currency_code": "EUR", "units": 12, "nanos": 500_000_000}
    deal = a_deal(ann.name, organization=acme.name, amount=amount)
    happen(an_event(ann, time=at(0)), an_event(acme, time=at(0)))
    happen(an_event(deal, time=at(1)), an_event(a_deal(ann.name), time=at(1)))
    deal.state = "WON"
    happen(an_event(deal, "won", sequence=2, time=at(2)))

    sight = Sight(a_principal())
    found, then = insights_now(ann.name, sight), insights_then(ann.name, sight, at(1))

    total = Money.of("EUR", 12, 500_000_000)
    assert (found.open_deals, found.open_amounts, found.won_amounts) == (1, (), (total,))
    assert (then.open_deals, then.open_amounts, then.won_amounts) == (2, (total,), ())
    assert insights_now(acme.name, sight).won_amounts == (total,)
