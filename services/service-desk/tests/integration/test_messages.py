"""Messages, and what they do to their case, on a real database."""

import pytest

from crm_chassis.kernel.errors import NotAllowed, NotFound
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.resources.pages import Question
from crm_chassis.resources.reading import get_resource, list_resources
from crm_chassis.resources.transaction import as_call, in_transaction
from crm_chassis.telemetry.context import current_call, own_call
from crm_service_desk.cases.commands import (
    assign_case,
    close_case,
    delete_case,
    resolve_case,
    update_case,
)
from crm_service_desk.cases.documents import Case
from crm_service_desk.messages.commands import create_message, reply_to_case
from crm_service_desk.messages.documents import Message
from crm_service_desk.testing import a_case, a_known, a_message


def now_of(case):
    return Case.of_row(Case.rows().find_one({"_id": case.id}))


def words(case):
    found = service_database()["events"].find({"subject": case.name}).sort("sequence", 1)
    return [event["type"].split(".")[-2] for event in found]


def messages(case, **question):
    asked = Question(container=case.name, **question)
    return list_resources(Message, asked).messages


def test_a_message_tells_its_author_and_its_case():
    ann, acme = a_known("contacts", "Ann"), a_known("organizations", "Acme")
    case = a_case(subject="Paper jam", contact=ann, organization=acme)

    message = a_message(case)

    assert message.author == current_call().principal.user
    assert message.subject == "Paper jam"
    event = service_database()["events"].find_one({"subject": message.name})
    assert event["parent"] == case.name
    assert event["customers"] == sorted([ann, acme])
    assert event["type"] == "crm.service_desk.message.created.v1"


def test_what_a_service_writes_has_the_service_as_its_author():
    case = a_case()
    message = Message(kind="NOTE", body="Seen.")

    as_call(own_call("service-desk", "test"), create_message, case.name, message)

    assert [one.author for one in messages(case)] == ["services/service-desk"]


def test_a_message_stays_with_the_customer_it_was_written_to():
    ann, bob = a_known("contacts", "Ann"), a_known("contacts", "Bob")
    case = a_case(contact=ann)
    before = a_message(case)
    in_transaction(update_case, Case(id=case.id, contact=bob), ["contact"], case.etag)

    after = a_message(case)

    assert (before.contact, after.contact) == (ann, bob)
    assert get_resource(Message, before.name).contact == ann


def test_a_customer_who_writes_opens_a_case_that_waited():
    case = a_case()
    in_transaction(reply_to_case, case.name, "Have you tried?", "")

    a_message(case, "CUSTOMER")

    assert now_of(case).state == "OPEN"
    assert words(case) == ["created", "replied", "updated"]


def test_a_customer_who_writes_reopens_a_case_that_was_resolved():
    case = a_case()
    in_transaction(resolve_case, case.name, "")

    a_message(case, "CUSTOMER")

    assert (now_of(case).state, now_of(case).resolve_time) == ("OPEN", None)
    assert words(case) == ["created", "resolved", "reopened"]


@pytest.mark.parametrize("assignee", [None, "users/0190b0c4-0000-7000-8000-000000000001"])
def test_a_customer_who_writes_to_a_case_that_nobody_waits_with_changes_nothing(assignee):
    case = a_case()
    case = in_transaction(assign_case, case.name, assignee, "")

    a_message(case, "CUSTOMER")

    assert now_of(case).etag == case.etag


def test_a_reply_posted_as_a_message_does_what_replying_does():
    posted, replied = a_case(), a_case()

    a_message(posted, "REPLY", body="Hello")
    in_transaction(reply_to_case, replied.name, "Hello", "")

    for case in (posted, replied):
        assert now_of(case).state == "PENDING"
        assert now_of(case).first_response_time is not None
        assert words(case) == ["created", "replied"]
        assert [(one.kind, one.body) for one in messages(case)] == [
            (Message.message.REPLY, "Hello")
        ]


@pytest.mark.parametrize("kind", ["CUSTOMER", "REPLY"])
def test_nobody_writes_to_a_closed_case_and_nothing_is_stored(kind):
    case = in_transaction(close_case, a_case().name, "")

    with pytest.raises(NotAllowed) as refused:
        a_message(case, kind)

    assert refused.value.reason == "CASE_CLOSED"
    assert messages(case) == []


def test_a_resolved_case_is_reopened_before_it_is_answered():
    case = in_transaction(resolve_case, a_case().name, "")

    with pytest.raises(NotAllowed) as refused:
        a_message(case, "REPLY")

    assert refused.value.reason == "CASE_RESOLVED"


@pytest.mark.parametrize("command", [resolve_case, close_case])
def test_a_note_is_taken_in_any_state_and_changes_nothing(command):
    case = in_transaction(command, a_case().name, "")

    a_message(case, "NOTE")

    assert now_of(case).etag == case.etag
    assert len(messages(case)) == 1


def test_messages_come_in_the_order_in_which_they_were_written_and_can_be_chosen():
    case = a_case()
    a_message(case, "CUSTOMER", body="1")
    a_message(case, "NOTE", body="2")
    a_message(case, "CUSTOMER", body="3")

    assert [one.body for one in messages(case)] == ["1", "2", "3"]
    assert [one.body for one in messages(case, filter="kind = CUSTOMER")] == ["1", "3"]


def test_messages_are_gone_with_their_case_and_need_one():
    case = a_case()
    message = a_message(case)
    in_transaction(delete_case, case.name, "")

    for look in (lambda: messages(case), lambda: get_resource(Message, message.name)):
        with pytest.raises(NotFound):
            look()
    for kind in ("CUSTOMER", "REPLY", "NOTE"):
        with pytest.raises(NotFound):
            a_message(case, kind)
    assert [one.name for one in messages(case, show_deleted=True)] == [message.name]
