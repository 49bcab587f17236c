"""Indicators over a journal: whatever the order in which events arrive, and for whoever asks."""

from datetime import UTC, datetime
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from crm.analytics.v1 import kpis_pb2

from crm_analytics.kpis.documents import open_spans
from crm_analytics.kpis.queries import values_of
from crm_analytics.kpis.rules import KPIS, calendar_of
from crm_analytics.kpis.servicer import KpiServicer
from crm_analytics.testing import a_contact, a_deal, an_event, happen
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import NotFound
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.messages import an_event as a_raw_event

TEAM = "teams/0190b0c4-0000-7000-8000-000000000001"
EUR = {"currency_code": "EUR"}


def at(day, hour=12):
    return datetime(2026, 5, day, hour, tzinfo=UTC)


def told(kpi, caller=None, days=("2026-05-01", "2026-05-03")):
    calendar = calendar_of(*days, ZoneInfo("UTC"), now())
    values = values_of(kpi, calendar, caller or a_principal())
    return [(value.day.day, value.text, value.currency_code) for value in values]


def test_new_contacts_are_counted_on_the_day_they_were_made():
    contact = a_contact()
    happen(an_event(contact, time=at(1)), an_event(a_contact(), time=at(3)))
    happen(an_event(contact, "updated", sequence=2, time=at(2)))

    assert told("new-contacts") == [(1, "1", ""), (2, "0", ""), (3, "1", "")]


def versions_of_a_deal():
    """Open with 100 on the first day, with 250 on the second, won on the third."""
    deal = a_deal(amount={**EUR, "units": 100})
    made = an_event(deal, time=at(1))
    deal.amount.units = 250
    grown = an_event(deal, "updated", sequence=2, time=at(2))
    deal.state = "WON"
    return [made, grown, an_event(deal, "won", sequence=3, time=at(3))]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_open_pipeline_follows_deals_in_whatever_order_their_events_arrive(order):
    events = versions_of_a_deal()

    for number in order:
        happen(events[number])

    assert told("open-pipeline") == [(1, "100", "EUR"), (2, "250", "EUR"), (3, "0", "EUR")]
    assert told("won-amount") == [(1, "0", "EUR"), (2, "0", "EUR"), (3, "250", "EUR")]


def test_the_same_events_again_change_nothing():
    events = versions_of_a_deal()
    happen(*events)
    before = list(open_spans().find())

    happen(*events)

    assert list(open_spans().find()) == before


def test_a_deleted_deal_is_open_no_more():
    deal = a_deal(amount={**EUR, "units": 5})
    happen(an_event(deal, time=at(1)))
    happen(an_event(deal, "deleted", sequence=2, time=at(2), deleted=True))

    assert told("open-pipeline") == [(1, "5", "EUR"), (2, "0", "EUR"), (3, "0", "EUR")]


def a_case_event(word, sequence, time, case="cases/1", **data):
    names = {"name": case, "createTime": "2026-05-01T12:00:00.000Z", "owner": "", **data}
    return a_raw_event(
        case,
        sequence,
        type=f"crm.service_desk.case.{word}.v1",
        source="/crm/service-desk",
        time=time,
        paths=("firstResponseTime",) if "firstResponseTime" in data else (),
        data=names,
    )


def test_cases_are_open_until_they_are_resolved_and_their_first_responses_are_timed():
    happen(
        a_case_event("created", 1, at(1), state="NEW"),
        a_case_event("created", 1, at(1), "cases/2", state="NEW"),
        a_case_event("replied", 2, at(2), state="OPEN", firstResponseTime=_text(at(2))),
        a_case_event("resolved", 3, at(3), state="RESOLVED"),
    )

    assert told("open-cases") == [(1, "2", ""), (2, "2", ""), (3, "1", "")]
    assert told("median-first-response") == [(2, "86400", "")]


def _text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def a_delivery_event(word, number, day, **data):
    name = f"campaigns/1/deliveries/{number}"
    type_ = f"crm.campaigns.delivery.{word}.v1"
    told_data = {"name": name, **data}
    return a_raw_event(name, type=type_, time=at(day), parent="campaigns/1", data=told_data)


def test_rates_are_parts_of_what_was_sent():
    sent_first = {"sendTime": _text(at(1))}
    happen(
        a_delivery_event("sent", 1, 1, **sent_first),
        a_delivery_event("sent", 2, 1, **sent_first),
        a_delivery_event("failed", 3, 1),
        a_delivery_event("lost", 4, 1),
        a_delivery_event("suppressed", 5, 1),
        a_delivery_event("sent", 6, 2, sendTime=_text(at(2))),
        a_delivery_event("unsubscribed", 1, 3, **sent_first),
    )

    assert told("delivery-rate") == [(1, "0.5", ""), (2, "1", "")]
    assert told("unsubscribe-rate") == [(1, "0.5", ""), (2, "0", "")]


def test_one_counts_what_one_may_see():
    mate = a_principal("TEAM", teams=[TEAM])
    happen(an_event(a_deal(amount={**EUR, "units": 5}, teams=[TEAM]), time=at(1)))
    happen(an_event(a_deal(amount={**EUR, "units": 7}), time=at(1)))
    happen(an_event(a_contact(teams=[TEAM]), time=at(1)), an_event(a_contact(), time=at(1)))

    assert told("open-pipeline")[0] == (1, "12", "EUR")
    assert told("open-pipeline", mate)[0] == (1, "5", "EUR")
    assert told("new-contacts", mate)[0] == (1, "1", "")
    assert told("new-contacts", a_principal(CREATE="ALL")) == []


def test_every_indicator_can_be_asked_for_days_of_which_there_is_nothing():
    for kpi in KPIS.values():
        assert {text for _, text, _ in told(kpi.id)} <= {"0"}


def test_indicators_are_listed_and_found_by_name():
    servicer = KpiServicer("UTC")

    listed = servicer.ListKpis(kpis_pb2.ListKpisRequest(), None).kpis
    won = servicer.GetKpi(kpis_pb2.GetKpiRequest(name="kpis/won-amount"), None)

    assert {kpi.name.removeprefix("kpis/") for kpi in listed} == set(KPIS)
    assert won in listed
    assert won.unit == kpis_pb2.Kpi.MONEY
    with pytest.raises(NotFound):
        servicer.GetKpi(kpis_pb2.GetKpiRequest(name="kpis/luck"), None)
