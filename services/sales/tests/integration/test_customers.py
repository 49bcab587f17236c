"""What sales tells of customers, and how it keeps what they are called."""

import orjson
import pytest
from crm.api.v1 import customers_pb2

from crm_chassis.resources.customer_names import keep_names
from crm_chassis.resources.known import find_known
from crm_chassis.resources.sections import MOST
from crm_chassis.resources.transaction import as_call, in_transaction
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call, a_principal
from crm_chassis.testing.messages import an_event
from crm_sales.api import CUSTOMERS
from crm_sales.deals.commands import delete_deal, update_deal, win_deal
from crm_sales.deals.documents import Deal
from crm_sales.testing import a_deal, a_deal_with, a_known


def told(customer, caller=None, **asked):
    request = customers_pb2.GetCustomerSectionsRequest(service="sales", customer=customer, **asked)
    with call_scope(a_call(caller)):
        section = CUSTOMERS.GetCustomerSections(request, None).sections["deals"]
    return orjson.loads(section.data) if section.data else section.omitted


def names_in(section):
    return [deal["displayName"] for deal in section["deals"]]


def found(query, caller=None, **asked):
    request = customers_pb2.SearchServiceRequest(service="sales", query=query, **asked)
    with call_scope(a_call(caller)):
        return CUSTOMERS.SearchService(request, None)


def renamed(name, display_name, sequence=2):
    data = {"name": name, "displayName": display_name}
    events = [an_event(name, sequence, data=data)]
    in_transaction(keep_names, events, Deal)


@pytest.fixture
def ann():
    return a_known("contacts", "Ann")


@pytest.fixture
def acme():
    return a_known("organizations", "Acme")


def test_the_newest_deals_of_a_customer_come_first(ann, acme):
    a_deal_with(ann, display_name="First", organization=acme)
    a_deal_with(ann, display_name="Second")
    a_deal(display_name="Nobody's")

    assert names_in(told(ann)) == ["Second", "First"]
    assert names_in(told(acme)) == ["First"]
    assert told(acme)["totalSize"] == 1


def test_of_many_deals_the_newest_are_shown_and_all_are_counted(ann):
    for number in range(MOST + 2):
        a_deal_with(ann, display_name=f"{number}")

    section = told(ann)

    assert (len(section["deals"]), section["totalSize"]) == (MOST, MOST + 2)
    assert names_in(section)[0] == str(MOST + 1)


def test_a_section_is_told_anew_after_each_change(ann):
    deal = a_deal_with(ann)
    before = told(ann)

    in_transaction(win_deal, deal.name, "")

    assert [each["deals"][0]["state"] for each in (before, told(ann))] == ["OPEN", "WON"]
    in_transaction(delete_deal, deal.name, "")
    assert told(ann) == {"deals": [], "totalSize": 0}


def test_a_new_name_is_shown_in_deals_and_in_what_was_told_before(ann, acme):
    deal = a_deal_with(ann, organization=acme)
    told(ann)

    renamed(acme, "Acme & Sons")

    [shown] = told(ann)["deals"]
    assert shown["customerDisplayNames"] == {ann: "Ann", acme: "Acme & Sons"}
    assert shown["etag"] == deal.etag
    assert find_known(acme).display_name == "Acme & Sons"


def test_one_sees_only_the_deals_that_one_may_see(ann):
    member = a_principal("TEAM", ["teams/1"])
    a_deal_with(ann, display_name="Theirs")
    as_call(a_call(member), lambda tx: tx.insert(_of_team(ann)))

    assert names_in(told(ann, member)) == ["Ours"]
    assert told(ann, a_principal(READ=None)) == "DENIED"


def _of_team(contact):
    return Deal(
        display_name="Ours", contacts=[{"contact": contact}], pipeline="pipelines/1", stage="x"
    )


def test_the_section_of_a_moment_is_that_of_the_moment(ann):
    first = a_deal_with(ann, display_name="First")
    second = a_deal_with(ann, display_name="Second")
    in_transaction(win_deal, first.name, "")
    moved = in_transaction(update_deal, Deal(id=second.id), ["contacts"], "")
    in_transaction(delete_deal, first.name, "")

    assert names_in(told(ann, read_time=first.create_time)) == ["First"]
    assert names_in(told(ann, read_time=second.create_time)) == ["Second", "First"]
    assert names_in(told(ann, read_time=moved.update_time)) == ["First"]
    then = told(ann, read_time=second.create_time)["deals"]
    assert [deal["state"] for deal in then] == ["OPEN", "OPEN"]
    assert told(ann) == {"deals": [], "totalSize": 0}
    assert names_in(told(ann, a_principal("OWN"), read_time=first.create_time)) == []


def test_deals_are_found_by_their_words_and_shown_with_their_customers(ann, acme):
    a_deal_with(ann, display_name="Zinc for a year", organization=acme)
    a_deal(display_name="Anvils, and zinc")

    answer = found("zin")

    assert [result.display_name for result in answer.results] == [
        "Anvils, and zinc",
        "Zinc for a year",
    ]
    assert answer.results[1].type == "crm/Deal"
    assert set(answer.results[1].snippet.split(", ")) == {"Ann", "Acme"}
    first = found("zinc", page_size=1)
    second = found("zinc", page_size=1, page_token=first.next_page_token)
    assert [page.results[0].display_name for page in (first, second)] == [
        "Anvils, and zinc",
        "Zinc for a year",
    ]
    assert second.next_page_token == ""
    assert list(found("zinc", a_principal("OWN")).results) == []
