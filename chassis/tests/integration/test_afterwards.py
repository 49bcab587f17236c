"""What is to be done after a transaction is done once, and only when everything is stored."""

import pytest
from pymongo.errors import PyMongoError

from crm_chassis.resources.transaction import Transaction, in_transaction
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call


@pytest.fixture(autouse=True)
def _call(database):
    database.create_collection("things")
    database.create_collection("receipts")
    with call_scope(a_call()):
        yield


def test_it_is_done_when_everything_is_stored(database):
    found = []

    def store(tx: Transaction) -> None:
        database["things"].insert_one({"_id": 1}, session=tx.session)
        tx.afterwards(lambda: found.append(database["things"].count_documents({})))
        assert found == []

    in_transaction(store)

    assert found == [1]


def test_it_is_not_done_when_nothing_is_stored():
    done = []

    def fail(tx: Transaction) -> None:
        tx.afterwards(lambda: done.append(1))
        raise ValueError("no luck")

    with pytest.raises(ValueError, match="no luck"):
        in_transaction(fail)

    assert done == []


def test_it_is_done_once_when_the_transaction_is_tried_again():
    attempts, done = [], []

    def store(tx: Transaction) -> None:
        attempts.append(1)
        tx.afterwards(lambda: done.append(1))
        if len(attempts) == 1:
            raise PyMongoError("again", error_labels=["TransientTransactionError"])

    in_transaction(store)

    assert (len(attempts), len(done)) == (2, 1)
