"""What a caller is told of the database's failures, and what of faults of ours."""

import pytest
from pymongo.errors import AutoReconnect, OperationFailure, ServerSelectionTimeoutError

from crm_chassis.kernel.errors import Conflict, Unavailable
from crm_chassis.mongo.failures import refusal_of


@pytest.mark.parametrize(
    "error",
    [
        ServerSelectionTimeoutError("nobody"),
        AutoReconnect("gone"),
        *(OperationFailure("not yet", code) for code in (94, 134, 211)),
    ],
    ids=lambda error: f"{type(error).__name__}-{getattr(error, 'code', '')}",
)
def test_a_database_that_is_away_or_has_just_begun_is_unavailable_for_a_moment(error):
    refusal = refusal_of(error)

    assert isinstance(refusal, Unavailable)
    assert refusal.retry_after == 1


def test_a_write_conflict_is_one():
    assert isinstance(refusal_of(OperationFailure("conflict", 112)), Conflict)


@pytest.mark.parametrize("error", [OperationFailure("bad command", 9), ValueError("ours")])
def test_a_fault_of_ours_is_no_refusal(error):
    assert refusal_of(error) is None
