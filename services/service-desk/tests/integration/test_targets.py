"""Targets run, are met, and are breached when their timers fire."""

from datetime import timedelta

import pytest

from crm_chassis.kernel.clock import now
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.resources.reading import get_resource
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.working.timers import Timers
from crm_service_desk.cases.commands import (
    close_case,
    delete_case,
    reopen_case,
    resolve_case,
    undelete_case,
    update_case,
)
from crm_service_desk.cases.documents import Case
from crm_service_desk.messages.commands import reply_to_case
from crm_service_desk.metrics import TARGETS_BREACHED
from crm_service_desk.targets.rules import FIRST_RESPONSE, RESOLUTION, TARGETS
from crm_service_desk.testing import a_case, a_message
from crm_service_desk.worker import TIMERS

HOUR = timedelta(hours=1)


def fire_all():
    timers, fired = Timers("service-desk", TIMERS), 0
    while timers.fire_one():
        fired += 1
    return fired


def run_out(case, *targets):
    """Let the time of these targets have passed an hour ago, and their timers be ready."""
    past = now() - HOUR
    for target in targets:
        field = f"{target.replace('-', '_')}_due_time"
        Case.rows().update_one({"_id": case.id}, {"$set": {field: past}})
        key = {"_id": f"{target} {case.name}"}
        service_database()["timers"].update_one(key, {"$set": {"due": past, "ready": past}})


def do(command, case, *values):
    return in_transaction(command, case.name, *values, "")


def outcomes(case):
    row = Case.rows().find_one({"_id": case.id})
    return row.get("first_response_target"), row.get("resolution_target")


def due(case):
    rows = service_database()["timers"].find({"subject": case.name})
    return {row["timer"]: row["due"] for row in rows}


def words(case):
    found = service_database()["events"].find({"subject": case.name}).sort("sequence", 1)
    return [event["type"].split(".")[-2] for event in found]


def counted(target):
    return TARGETS_BREACHED.labels(target)._value.get()


def test_both_targets_run_from_the_making_of_the_case():
    case = a_case(priority="URGENT")

    assert outcomes(case) == ("RUNNING", "RUNNING")
    assert case.first_response_due_time == case.create_time + HOUR
    assert case.resolution_due_time == case.create_time + 4 * HOUR
    assert due(case) == {
        FIRST_RESPONSE: case.first_response_due_time,
        RESOLUTION: case.resolution_due_time,
    }
    assert fire_all() == 0


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_whose_time_has_run_out_is_breached_and_announced_by_the_service(target):
    case, before = a_case(), counted(target)
    run_out(case, target)

    assert fire_all() == 1

    expected = ("BREACHED", "RUNNING") if target == FIRST_RESPONSE else ("RUNNING", "BREACHED")
    assert outcomes(case) == expected
    event = service_database()["events"].find_one({"subject": case.name, "sequence": 2})
    assert event["type"] == "crm.service_desk.case.breached.v1"
    assert event["actor"] == "services/service-desk"
    assert event["paths"] == [
        "firstResponseTarget" if target == FIRST_RESPONSE else "resolutionTarget"
    ]
    assert counted(target) == before + 1
    assert target not in due(case)


def test_the_first_reply_meets_its_target_and_the_resolution_runs_on():
    case = a_case()

    do(reply_to_case, case, "Hello")

    assert outcomes(case) == ("MET", "RUNNING")
    assert due(case).keys() == {RESOLUTION}


def test_a_reply_that_comes_too_late_leaves_the_target_breached():
    case = a_case()
    run_out(case, FIRST_RESPONSE)
    fire_all()

    replied = do(reply_to_case, case, "Hello")

    assert replied.first_response_time is not None
    assert outcomes(case) == ("BREACHED", "RUNNING")


def test_a_late_timer_does_not_spare_a_late_reply_the_breach():
    case, before = a_case(), counted(FIRST_RESPONSE)
    run_out(case, FIRST_RESPONSE)

    do(reply_to_case, case, "Hello")

    assert outcomes(case) == ("BREACHED", "RUNNING")
    assert words(case) == ["created", "breached", "replied"]
    assert counted(FIRST_RESPONSE) == before + 1
    assert fire_all() == 0


def test_a_customer_who_writes_or_a_note_meets_nothing():
    case = a_case()

    a_message(case, "CUSTOMER")
    a_message(case, "NOTE")

    assert outcomes(case) == ("RUNNING", "RUNNING")


def test_a_resolved_case_has_met_its_target_and_breaches_nothing():
    case = a_case()

    do(resolve_case, case)

    assert outcomes(case) == (None, "MET")
    assert due(case) == {}


def test_a_case_resolved_too_late_stays_breached():
    case = a_case()
    run_out(case, RESOLUTION)

    resolved = do(resolve_case, case)

    assert outcomes(case) == (None, "BREACHED")
    assert resolved.state == "RESOLVED"
    assert words(case) == ["created", "breached", "resolved"]


def test_a_case_closed_without_being_resolved_has_met_nothing():
    case = a_case()

    do(close_case, case)

    assert outcomes(case) == (None, None)
    assert due(case) == {}


def test_a_reopened_case_runs_on_where_its_time_lies_ahead():
    case = a_case()
    do(reply_to_case, case, "Hello")
    do(resolve_case, case)

    reopened = do(reopen_case, case)

    assert outcomes(case) == ("MET", "RUNNING")
    assert due(case) == {RESOLUTION: reopened.resolution_due_time}


def test_a_reopened_case_whose_time_has_passed_is_breached():
    case, before = do(resolve_case, a_case()), counted(RESOLUTION)
    run_out(case, *TARGETS)

    do(reopen_case, case)

    assert outcomes(case) == ("BREACHED", "BREACHED")
    assert counted(RESOLUTION) == before + 1
    assert due(case) == {}


def test_a_customer_who_writes_to_a_resolved_case_lets_its_target_run_on():
    case = do(resolve_case, a_case())

    a_message(case, "CUSTOMER")

    assert outcomes(case) == ("RUNNING", "RUNNING")
    assert due(case).keys() == set(TARGETS)


def test_another_priority_moves_what_runs_from_the_making_of_the_case():
    case = a_case(priority="LOW")
    answered = do(reply_to_case, case, "Hello")

    changes = Case(id=case.id, priority="URGENT")
    changed = in_transaction(update_case, changes, ["priority"], answered.etag)

    assert changed.first_response_due_time == case.first_response_due_time
    assert changed.resolution_due_time == case.create_time + 4 * HOUR
    assert due(case) == {RESOLUTION: changed.resolution_due_time}


def test_a_lower_priority_does_not_take_back_a_breach():
    case = a_case(priority="URGENT")
    run_out(case, FIRST_RESPONSE)

    in_transaction(update_case, Case(id=case.id, priority="LOW"), ["priority"], "")

    assert outcomes(case) == ("BREACHED", "RUNNING")


def test_a_higher_priority_whose_time_has_passed_is_breached_at_once():
    case = a_case(priority="LOW")
    Case.rows().update_one({"_id": case.id}, {"$set": {"create_time": now() - 2 * HOUR}})

    in_transaction(update_case, Case(id=case.id, priority="URGENT"), ["priority"], "")

    assert fire_all() == 1
    assert outcomes(case) == ("BREACHED", "RUNNING")


def test_a_deleted_case_breaches_nothing_until_it_is_brought_back():
    case = a_case()
    do(delete_case, case)
    run_out(case, *TARGETS)
    assert due(case) == {}
    assert fire_all() == 0

    do(undelete_case, case)
    fire_all()

    assert outcomes(case) == ("BREACHED", "BREACHED")


def test_a_timer_of_a_case_that_is_not_there_fires_without_effect():
    case = a_case()
    run_out(case, FIRST_RESPONSE)
    Case.rows().update_one({"_id": case.id}, {"$set": {"delete_time": now()}})

    assert fire_all() == 1

    assert outcomes(case) == ("RUNNING", "RUNNING")
    assert get_resource(Case, case.name, show_deleted=True).etag == '"1"'
