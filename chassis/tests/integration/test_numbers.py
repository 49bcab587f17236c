"""Numbers of a series ascend, and nobody gets the one of another."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from crm_chassis.mongo.numbers import next_number
from crm_chassis.resources.transaction import Transaction, in_transaction
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call

THREADS, EACH = 16, 25


@pytest.mark.usefixtures("database")
def test_numbers_begin_at_one_and_ascend_in_each_series():
    assert [next_number("cases"), next_number("cases"), next_number("orders")] == [1, 2, 1]


@pytest.mark.usefixtures("database")
def test_many_at_once_get_different_numbers_each_higher_than_the_one_before():
    with ThreadPoolExecutor(THREADS) as threads:
        taken = list(
            threads.map(lambda _: [next_number("cases") for _ in range(EACH)], range(THREADS))
        )

    assert all(own == sorted(own) for own in taken)
    numbers = sorted(number for own in taken for number in own)
    assert numbers == list(range(1, THREADS * EACH + 1))


@pytest.mark.usefixtures("database")
def test_a_number_taken_in_a_transaction_that_fails_is_not_given_again():
    def take_and_fail(tx: Transaction) -> None:
        assert next_number("cases") == 1
        raise ValueError("no luck")

    with call_scope(a_call()), pytest.raises(ValueError, match="no luck"):
        in_transaction(take_and_fail)

    assert next_number("cases") == 2
