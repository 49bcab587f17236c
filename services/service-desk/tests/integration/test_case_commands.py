"""Changes to cases, on a real database."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from crm_chassis.kernel.errors import NotAllowed, NotFound, Stale
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.resources.pages import Question
from crm_chassis.resources.reading import get_resource, history_of, list_resources
from crm_chassis.resources.transaction import as_call, in_transaction
from crm_chassis.testing.calls import a_call, a_principal
from crm_service_desk.cases.commands import (
    assign_case,
    close_case,
    delete_case,
    reopen_case,
    resolve_case,
    undelete_case,
    update_case,
)
from crm_service_desk.cases.documents import Case
from crm_service_desk.messages.commands import reply_to_case
from crm_service_desk.testing import a_case, a_known

ANN, BOB = f"users/{new_id()}", f"users/{new_id()}"


def update(case, **fields):
    changes = Case(id=case.id, **fields)
    return in_transaction(update_case, changes, list(fields), case.etag)


def do(command, case, *values):
    return in_transaction(command, case.name, *values, "")


def in_state(state):
    """A case that got there in the shortest way."""
    case = a_case()
    ways = {
        "NEW": (),
        "OPEN": ((assign_case, ANN),),
        "PENDING": ((reply_to_case, "Hello"),),
        "RESOLVED": ((resolve_case,),),
        "CLOSED": ((close_case,),),
    }
    for command, *values in ways[state]:
        case = do(command, case, *values)
    assert case.state == state
    return case


def words(case):
    found = service_database()["events"].find({"subject": case.name}).sort("sequence", 1)
    return [event["type"].split(".")[-2] for event in found]


def test_what_is_not_told_of_a_case_has_its_value():
    case = a_case()

    assert (case.state, case.channel, case.priority) == ("NEW", "OTHER", "NORMAL")
    assert case.queue == "queues/general"
    assert words(case) == ["created"]


def test_numbers_ascend_and_those_who_make_cases_at_the_same_time_get_different_ones():
    def make(_):
        return a_case().number

    with ThreadPoolExecutor(8) as threads:
        jobs = [threads.submit(copy_context().run, make, each) for each in range(40)]
        numbers = [job.result() for job in jobs]

    assert sorted(numbers) == list(range(1, 41))
    assert a_case().number == 41


def test_a_case_shows_how_its_customers_are_called():
    ann, acme = a_known("contacts", "Ann Miller"), a_known("organizations", "Acme")
    case = a_case(contact=ann)

    changed = update(case, organization=acme, contact=None)

    assert case.customer_display_names == {ann: "Ann Miller"}
    assert changed.customer_display_names == {acme: "Acme"}
    event = service_database()["events"].find_one({"subject": case.name, "sequence": 2})
    assert event["customers"] == sorted([ann, acme])


def test_a_new_case_is_open_once_somebody_has_it():
    case = a_case()

    nobodys = do(assign_case, case, None)
    assigned = do(assign_case, case, ANN)

    assert (nobodys.state, nobodys.version) == ("NEW", 1)
    assert (assigned.state, assigned.assignee) == ("OPEN", ANN)
    assert words(case) == ["created", "assigned"]


def test_another_assignee_is_assigned_by_a_change_as_well():
    case = update(a_case(), assignee=ANN, description="At length")

    assert case.state == "OPEN"
    assert words(case) == ["created", "assigned"]
    assert words(update(case, description="In short")) == ["created", "assigned", "updated"]


def test_a_change_that_clears_what_has_a_default_sets_it():
    case = a_case(channel="PHONE", priority="HIGH", queue="queues/billing")

    changed = update(case, channel=None, priority=None, queue=None)

    assert (changed.channel, changed.priority, changed.queue) == (
        "OTHER",
        "NORMAL",
        "queues/general",
    )


def test_the_first_reply_is_remembered_and_the_case_waits_for_the_customer():
    case = a_case()

    first = do(reply_to_case, case, "Have you tried?")
    then = first.first_response_time
    second = do(reply_to_case, case, "And now?")

    assert (first.state, then) == ("PENDING", first.update_time)
    assert second.first_response_time == then
    assert words(case) == ["created", "replied"]


ALLOWED = {
    "assign": ("NEW", "OPEN", "PENDING", "RESOLVED"),
    "reply": ("NEW", "OPEN", "PENDING"),
    "resolve": ("NEW", "OPEN", "PENDING"),
    "close": ("NEW", "OPEN", "PENDING", "RESOLVED"),
    "reopen": ("RESOLVED", "CLOSED"),
}
COMMANDS = {
    "assign": (assign_case, BOB),
    "reply": (reply_to_case, "Hello"),
    "resolve": (resolve_case,),
    "close": (close_case,),
    "reopen": (reopen_case,),
}


@pytest.mark.parametrize("state", ["NEW", "OPEN", "PENDING", "RESOLVED", "CLOSED"])
@pytest.mark.parametrize("verb", COMMANDS)
def test_what_is_not_allowed_in_a_state_is_refused_and_changes_nothing(verb, state):
    case = in_state(state)
    command, *values = COMMANDS[verb]

    if state in ALLOWED[verb]:
        do(command, case, *values)
        return
    with pytest.raises(NotAllowed) as refused:
        do(command, case, *values)

    assert refused.value.reason == f"CASE_{state}"
    assert get_resource(Case, case.name).etag == case.etag


def test_a_resolved_case_remembers_when_and_an_open_one_does_not():
    case = do(resolve_case, a_case())
    assert (case.state, case.resolve_time) == ("RESOLVED", case.update_time)

    reopened = do(reopen_case, case)

    assert (reopened.state, reopened.resolve_time) == ("OPEN", None)
    assert words(case) == ["created", "resolved", "reopened"]


def test_a_case_that_is_closed_cannot_be_given_to_somebody_by_a_change_either():
    case = in_state("CLOSED")

    with pytest.raises(NotAllowed):
        update(case, assignee=ANN)

    assert update(case, description="A note for later").state == "CLOSED"


def test_a_stale_tag_is_refused():
    case = a_case()
    update(case, description="In short")

    for command, *values in (*COMMANDS.values(), (delete_case,)):
        with pytest.raises(Stale):
            in_transaction(command, case.name, *values, '"1"')


def test_a_deleted_case_is_gone_and_can_be_brought_back():
    case = a_case()

    do(delete_case, case)
    with pytest.raises(NotFound):
        do(resolve_case, case)
    back = do(undelete_case, case)

    assert back.state == "NEW"
    assert words(case) == ["created", "deleted", "undeleted"]


def test_a_case_can_be_read_as_it_was_and_its_history_tells_who_did_what():
    case = a_case()
    then = case.update_time
    assigned = do(assign_case, case, ANN)

    before = get_resource(Case, case.name, then)
    changes = history_of(Case, case.name, Question()).messages

    assert before.state == Case.message.NEW
    assert get_resource(Case, case.name, assigned.update_time).state == Case.message.OPEN
    assert [field.path for field in changes[0].fields] == ["assignee", "state"]


def test_cases_are_found_by_what_filters_ask_for_and_in_the_order_of_their_numbers():
    first, second = a_case(queue="queues/billing"), a_case(queue="queues/billing")
    a_case()
    text = 'queue = "queues/billing" AND state = NEW'

    page = list_resources(Case, Question(filter=text, order_by="number desc")).messages

    assert [one.name for one in page] == [second.name, first.name]


def test_who_may_change_only_ones_own_cases_cannot_change_another_ones():
    case = a_case()
    stranger = a_call(a_principal("OWN"), "cases", "UPDATE")

    with pytest.raises(NotFound):
        as_call(stranger, resolve_case, case.name, "")
