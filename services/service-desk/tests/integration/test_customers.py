"""What the service desk takes from events of customers, and tells of customers."""

import orjson
from crm.api.v1 import customers_pb2

from crm_chassis.kernel.clock import now
from crm_chassis.resources.customer_names import keep_names
from crm_chassis.resources.known import find_known
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call, a_principal
from crm_chassis.testing.messages import an_event
from crm_chassis.testing.waiting import wait_until
from crm_service_desk.api import SERVICES
from crm_service_desk.cases.commands import delete_case, update_case
from crm_service_desk.cases.documents import Case
from crm_service_desk.testing import a_case, a_known

SERVICER = next(servicer for _, servicer in SERVICES if hasattr(servicer, "GetCustomerSections"))


def called(name, display_name, sequence=2):
    return an_event(name, sequence, data={"name": name, "displayName": display_name})


def told(customer, read_time=None, caller=None):
    request = customers_pb2.GetCustomerSectionsRequest(service="service-desk", customer=customer)
    if read_time is not None:
        request.read_time = read_time
    with call_scope(a_call(caller)):
        [section] = SERVICER.GetCustomerSections(request, None).sections.values()
    return orjson.loads(section.data)


def found(query):
    request = customers_pb2.SearchServiceRequest(service="service-desk", query=query)
    return list(SERVICER.SearchService(request, None).results)


def test_a_customer_who_is_called_otherwise_is_shown_so_beside_the_version():
    ann, bob = a_known("contacts", "Ann"), a_known("contacts", "Bob")
    acme = a_known("organizations", "Acme")
    case, other = a_case(contact=ann, organization=acme), a_case(contact=bob)

    in_transaction(keep_names, [called(ann, "Anna")], Case)
    in_transaction(keep_names, [called(acme, "Apex")], Case)

    row = Case.rows().find_one({"_id": case.id})
    assert row["customer_display_names"] == {ann: "Anna", acme: "Apex"}
    assert row["version"] == 1
    kept = Case.rows().find_one({"_id": other.id})["customer_display_names"]
    assert kept == {bob: "Bob"}
    assert find_known(ann).display_name == "Anna"


def test_a_case_made_after_the_event_has_the_new_name_too():
    ann = a_known("contacts", "Ann")
    in_transaction(keep_names, [called(ann, "Anna")], Case)

    assert a_case(contact=ann).customer_display_names == {ann: "Anna"}


def test_a_customers_cases_are_told_newest_first_now_and_then():
    ann = a_known("contacts", "Ann")
    first, second = a_case(contact=ann, subject="1"), a_case(contact=ann, subject="2")
    a_case()
    then = second.update_time
    wait_until(lambda: now() > then)

    in_transaction(delete_case, first.name, "")

    assert [one["name"] for one in told(ann)["cases"]] == [second.name]
    section = told(ann, read_time=then)
    assert [one["subject"] for one in section["cases"]] == ["2", "1"]
    assert section["totalSize"] == 2


def test_a_change_of_a_case_or_of_a_name_is_told_at_once():
    ann, acme = a_known("contacts", "Ann"), a_known("organizations", "Acme")
    case = a_case(contact=ann, organization=acme)
    told(ann)

    in_transaction(keep_names, [called(acme, "Apex")], Case)
    in_transaction(update_case, Case(id=case.id, subject="Fire"), ["subject"], "")

    [entry] = told(ann)["cases"]
    assert (entry["subject"], entry["customerDisplayNames"][acme]) == ("Fire", "Apex")
    assert told(acme)["totalSize"] == 1


def test_nobody_is_told_of_cases_that_they_may_not_see():
    ann = a_known("contacts", "Ann")
    a_case(contact=ann)

    assert told(ann, caller=a_principal("OWN")) == {"cases": [], "totalSize": 0}


def test_cases_are_found_by_their_subjects_words_and_by_their_numbers():
    ann = a_known("contacts", "Ann")
    case = a_case(subject="Printer on fire", contact=ann)

    [result] = found("fire print")

    assert (result.name, result.type) == (case.name, "crm/Case")
    assert (result.display_name, result.snippet) == ("Printer on fire", f"{case.number}, Ann")
    assert [one.name for one in found(str(case.number))] == [case.name]
    assert found("paper") == []
