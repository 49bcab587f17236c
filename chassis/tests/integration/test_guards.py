"""Who shares a guard goes on beside others; who excludes conflicts with all of them."""

import pytest
from pymongo.errors import OperationFailure

from crm_chassis.mongo.connection import client
from crm_chassis.mongo.guards import COLLECTION, ROWS, exclude, share


class Change:
    """A transaction as the guards need it."""

    def __init__(self, session):
        self.session = session


@pytest.fixture
def begin(database):
    database.create_collection(COLLECTION)
    sessions = []

    def begin():
        session = client().start_session()
        sessions.append(session)
        session.start_transaction()
        return Change(session)

    yield begin
    for session in sessions:
        session.end_session()


def test_several_share(begin, monkeypatch):
    rows = iter(range(ROWS))
    monkeypatch.setattr("crm_chassis.mongo.guards.randrange", lambda _: next(rows))
    changes = [begin() for _ in range(4)]

    for change in changes:
        share(change, "pipelines/1")

    for change in changes:
        change.session.commit_transaction()


def test_who_excludes_conflicts_with_whoever_shares(begin):
    sharing, excluding = begin(), begin()
    share(sharing, "pipelines/1")

    with pytest.raises(OperationFailure) as refused:
        exclude(excluding, "pipelines/1")

    assert refused.value.has_error_label("TransientTransactionError")


def test_who_shares_conflicts_with_whoever_excludes(begin):
    excluding, sharing = begin(), begin()
    exclude(excluding, "pipelines/1")

    with pytest.raises(OperationFailure):
        share(sharing, "pipelines/1")


def test_guards_of_other_names_are_others(begin):
    first, second = begin(), begin()
    exclude(first, "pipelines/1")

    exclude(second, "pipelines/2")

    first.session.commit_transaction()
    second.session.commit_transaction()
