"""Long work goes on step by step, whatever happens in between."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Event

import pytest

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Invalid, NotFound, Overdue, Unavailable
from crm_chassis.mongo import operations
from crm_chassis.mongo.claiming import ClaimLost
from crm_chassis.mongo.operations import Operation, Progress
from crm_chassis.resources.transaction import Transaction, in_transaction
from crm_chassis.telemetry.context import Call, Principal, call_scope, current_call
from crm_chassis.working.operations import MOST_ATTEMPTS, Operations

PRINCIPAL = Principal(
    "apiKeys/1", "users/1", frozenset({"teams/1"}), frozenset({"teams/1", "teams/2"}), {"*": {}}
)


class Trouble:
    """What goes wrong in a step, by its number: called in the step's transaction."""

    def __init__(self) -> None:
        self.at: dict[int, object] = {}
        self.calls: list[Call] = []

    def strike(self, number: int) -> None:
        self.calls.append(current_call())
        if trouble := self.at.pop(number, None):
            trouble()


def raising(error: Exception):
    def strike() -> None:
        raise error

    return strike


@pytest.fixture(autouse=True)
def call() -> Iterator[Call]:
    with call_scope(Call(PRINCIPAL, "request-1", "/probe", "things", "BULK", "cause-1")) as call:
        yield call


@pytest.fixture
def trouble() -> Trouble:
    return Trouble()


@pytest.fixture
def worker(database, trouble) -> Operations:
    def count(operation: Operation):
        def step_of(number: int):
            def step(tx: Transaction) -> Progress:
                row = {"number": number}
                database["counted"].insert_one(row, session=tx.session)
                trouble.strike(number)
                last = {"counted": 3} if number == 2 else None
                return Progress(number + 1, 10, 9, 1, 30, last)

            return step

        for number in range(operation.cursor or 0, 3):
            yield step_of(number)

    return Operations({"things:count": count}, Event())


def started(**payload):
    return in_transaction(operations.start, "probe", "things:count", payload)["_id"]


def message(operation_id):
    return operations.to_message(operations.find(operation_id))


def counted(database):
    return sorted(row["number"] for row in database["counted"].find())


def make_ready(database):
    database["operations"].update_one({}, {"$set": {"ready": now()}})


def test_an_operation_runs_to_its_response(database, worker):
    operation_id = started()

    assert worker.carry_on_one()
    assert not worker.carry_on_one()

    found = message(operation_id)
    assert found.name == f"operations/{operation_id}"
    assert operation_id.startswith("probe.")
    assert found.done
    assert dict(found.response) == {"counted": 3}
    figures = found.metadata
    assert (figures.kind, figures.total, figures.processed) == ("things:count", 30, 30)
    assert (figures.succeeded, figures.failed) == (27, 3)
    assert counted(database) == [0, 1, 2]


def test_an_operation_works_in_the_name_of_who_asked_for_it(database, worker, trouble):
    operation_id = started()

    worker.carry_on_one()

    call = trouble.calls[0]
    assert call.principal == PRINCIPAL
    assert (call.collection, call.action, call.correlation_id) == ("things", "BULK", "cause-1")
    assert (call.method, call.request_id) == ("operation/things:count", "request-1")
    assert call.causation_id == f"operations/{operation_id}"
    assert not call.is_request


def test_an_operation_is_seen_by_those_who_may(database):
    operation_id = started()

    assert operations.find(operation_id, {"owner": "users/1"})["teams"] == ["teams/1"]
    with pytest.raises(NotFound):
        operations.find(operation_id, {"owner": "users/2"})
    with pytest.raises(NotFound):
        operations.request_cancel(operation_id, {"owner": "users/2"})


def test_an_operation_of_a_transaction_that_fails_is_not_there(database, worker):
    def start_and_fail(tx: Transaction) -> None:
        operations.start(tx, "probe", "things:count", {})
        raise Invalid("No.")

    with pytest.raises(Invalid):
        in_transaction(start_and_fail)

    assert not worker.carry_on_one()


def test_a_refusal_ends_the_operation_with_its_reason(database, worker, trouble):
    operation_id = started()
    trouble.at[1] = raising(Invalid("The file is empty.", reason="EMPTY_FILE"))

    worker.carry_on_one()

    found = message(operation_id)
    assert found.done
    assert (found.error.reason, found.error.detail) == ("EMPTY_FILE", "The file is empty.")
    assert not found.HasField("response")
    assert counted(database) == [0]


@pytest.mark.parametrize(
    "error",
    [ValueError("bug"), Unavailable("Sales does not answer."), Overdue("Sales takes too long.")],
)
def test_a_step_that_fails_is_tried_again_where_it_stood(database, worker, trouble, error):
    operation_id = started()
    trouble.at[1] = raising(error)

    worker.carry_on_one()
    waiting = database["operations"].find_one()
    make_ready(database)
    worker.carry_on_one()

    assert waiting["last_error"].startswith(type(error).__name__)
    assert "claim" not in waiting
    assert message(operation_id).done
    assert counted(database) == [0, 1, 2]


def test_a_step_that_fails_for_ever_ends_the_operation(database, worker, trouble):
    operation_id = started()

    for attempts in (0, MOST_ATTEMPTS - 1, MOST_ATTEMPTS):
        database["operations"].update_one({}, {"$set": {"ready": now(), "attempts": attempts}})
        trouble.at[0] = raising(ValueError("bug"))
        worker.carry_on_one()

    assert message(operation_id).error.reason == "INTERNAL"
    assert "bug" not in message(operation_id).error.detail


def test_a_cancelled_operation_stops_at_its_next_step_and_keeps_what_it_did(
    database, worker, trouble
):
    operation_id = started()
    trouble.at[1] = lambda: operations.request_cancel(operation_id)

    worker.carry_on_one()

    found = message(operation_id)
    assert found.done
    assert found.metadata.cancel_requested
    assert found.error.reason == "CANCELLED"
    assert found.metadata.processed == 20
    assert counted(database) == [0, 1]


def test_an_operation_that_nobody_has_begun_can_be_cancelled(database, worker):
    operation_id = started()

    assert operations.request_cancel(operation_id)["cancel_requested"]
    worker.carry_on_one()

    assert message(operation_id).error.reason == "CANCELLED"
    assert counted(database) == []


def test_cancelling_what_has_ended_changes_nothing(database, worker):
    operation_id = started()
    worker.carry_on_one()

    row = operations.request_cancel(operation_id)

    assert row["done"]
    assert not row["cancel_requested"]


def test_a_worker_that_is_asked_to_stop_gives_the_operation_back_after_its_step(
    database, worker, trouble
):
    operation_id = started()
    trouble.at[1] = worker.stop.set

    worker.carry_on_one()
    assert counted(database) == [0, 1]
    worker.stop.clear()
    worker.carry_on_one()

    assert message(operation_id).done
    assert counted(database) == [0, 1, 2]


def test_a_worker_that_lost_its_claim_cannot_store_another_step(database, worker, trouble):
    operation_id = started()

    def lose() -> None:
        make_ready(database)
        other = operations.claim(["things:count"])
        assert other is not None

    trouble.at[1] = lose

    worker.carry_on_one()

    assert counted(database) == [0]
    assert message(operation_id).metadata.processed == 10
    make_ready(database)
    worker.carry_on_one()
    assert counted(database) == [0, 1, 2]


def test_a_claim_that_is_renewed_stays(database, worker):
    started()
    held = operations.claim(["things:count"], lease=timedelta())

    assert operations.renew(held)
    assert operations.claim(["things:count"]) is None


def test_a_claim_that_was_lost_is_neither_renewed_nor_ended_nor_advanced(database):
    started()
    lost = operations.claim(["things:count"], lease=timedelta())
    operations.claim(["things:count"])

    assert not operations.renew(lost)
    assert not operations.fail(lost, "X", "x")
    with pytest.raises(ClaimLost):
        in_transaction(operations.advance, lost, Progress(1))
