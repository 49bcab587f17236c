"""The inbox: what a subscription takes for the first time, in the transaction of the effect."""

import pytest

from crm_chassis.mongo import inbox, indexes
from crm_chassis.resources.transaction import Transaction, as_call
from crm_chassis.telemetry.context import Call, service_principal
from crm_chassis.testing.messages import an_event

CALL = Call(service_principal("sales"), "request-1", "sales.contacts-changed")


@pytest.fixture(autouse=True)
def collections(database):
    indexes.create(database)


def taken(function, *events, queue="sales.contacts-changed") -> list[int]:
    def take(tx: Transaction) -> list[int]:
        return [event.sequence for event in function(tx, queue, events)]

    return as_call(CALL, take)


def test_an_event_is_taken_once_by_each_subscription():
    event = an_event()

    assert taken(inbox.take, event, event) == [1]
    assert taken(inbox.take, event) == []
    assert taken(inbox.take, event, queue="sales.deals-changed") == [1]


def test_an_effect_that_fails_has_taken_nothing():
    event = an_event()

    def fail(tx: Transaction) -> None:
        inbox.take(tx, "sales.contacts-changed", [event])
        inbox.take_latest(tx, "sales.contacts-changed", [event])
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        as_call(CALL, fail)

    assert taken(inbox.take, event) == [1]
    assert taken(inbox.take_latest, event) == [1]


def test_of_a_resource_only_what_is_newer_than_all_before_is_taken():
    one, two, three = (an_event("contacts/1", number) for number in (1, 2, 3))
    other = an_event("contacts/2", 1)

    assert taken(inbox.take_latest, two) == [2]
    assert taken(inbox.take_latest, one, other) == [1]
    assert taken(inbox.take_latest, two, three) == [3]
    assert taken(inbox.take_latest, three) == []


def test_of_a_batch_only_the_newest_of_each_resource_is_taken_in_the_batchs_order():
    events = [
        an_event(name, number) for number in (2, 1, 3) for name in ("contacts/1", "contacts/2")
    ]

    assert taken(inbox.take_latest, *events) == [3, 3]
