"""Errors on the wire: every kind has a code and a status, and arrives as what it was."""

import grpc
import pytest

from crm_chassis.kernel import errors
from crm_chassis.kernel.errors import Flaw, Refusal, Unavailable
from crm_chassis.rpc.errors import HIDDEN, STATUS, internal, kind_of, refusal_of, status_of
from crm_chassis.rpc.table import LocalError

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
]


def arrived(status):
    return refusal_of(LocalError(status))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_refusal_of_every_kind_arrives_as_it_was(kind):
    flaw = Flaw("contact.emails[0].address", "STRING_EMAIL", "is none")
    refusal = kind("It cannot be.", flaw, reason="BECAUSE", retry_after=1.5)

    again = arrived(status_of(refusal, "contacts.crm"))

    assert type(again) is kind
    assert (again.detail, again.reason) == ("It cannot be.", "BECAUSE")
    assert (again.flaws, again.retry_after) == ((flaw,), 1.5)


def test_the_table_names_kinds_that_are_there():
    assert set(STATUS) == {kind.__name__ for kind in KINDS}


def test_a_refusal_of_a_service_s_own_goes_as_the_kind_that_it_is():
    class AlreadyWon(errors.NotAllowed):
        reason = "ALREADY_WON"

    again = arrived(status_of(AlreadyWon("It is won."), "sales.crm"))

    assert kind_of(AlreadyWon("It is won.")) == "NotAllowed"
    assert (type(again), again.reason) == (errors.NotAllowed, "ALREADY_WON")


def test_an_unexpected_error_tells_nothing_but_where_to_look():
    status = internal("contacts.crm", "4bf92f3577b34da6a3ce929d0e0e4736")

    assert status.code is grpc.StatusCode.INTERNAL
    assert status.details == HIDDEN
    assert isinstance(arrived(status), Unavailable)


def test_a_failure_of_the_transport_is_a_refusal_too():
    class Failure(grpc.RpcError):
        def code(self):
            return grpc.StatusCode.DEADLINE_EXCEEDED

        def details(self):
            return "Deadline Exceeded"

        def trailing_metadata(self):
            return None

    assert isinstance(refusal_of(Failure()), errors.Overdue)
    assert isinstance(refusal_of(grpc.RpcError()), Unavailable)
