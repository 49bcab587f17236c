"""Expanding and contracting: what an operator is kept from, and what processes wait for."""

import pytest

from crm_chassis.kernel.errors import NotAllowed, Unavailable
from crm_chassis.mongo import expansion
from crm_chassis.mongo.expansion import Pace, fill_in, is_switched
from crm_chassis.mongo.migrations import contract_all, migrate, require_schema

FIRST, SECOND = "0001_rows", "0002_twice"
PACE = Pace(batch=0.0, switch=0.05, settle=0.0)
MODULE = """
from crm_chassis.mongo.expansion import Batch

def up(database):
    database["rows"].create_index("twice")

def backfill(database, after):
    wanted = {"twice": {"$exists": False}, "_id": {"$gt": after}}
    rows = list(database["rows"].find(wanted).sort("_id").limit(10))
    for row in rows:
        database["rows"].update_one({"_id": row["_id"]}, {"$set": {"twice": 2 * row["once"]}})
    return Batch(rows[-1]["_id"] if len(rows) == 10 else "", len(rows))

def lacking(database):
    return database["rows"].count_documents({"twice": {"$exists": False}})

def contract(database):
    database["rows"].update_many({}, {"$unset": {"once": ""}})
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The migrations of a service; the second is not there yet."""
    package = tmp_path / f"expanding_{tmp_path.name}"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / f"{FIRST}.py").write_text("def up(database): pass\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(expansion, "REMEMBERED", 0.0)
    return package


@pytest.fixture
def expanded(package, database):
    """A database with rows of the release before, that has been expanded."""
    migrate(package.name)
    database["rows"].insert_many({"_id": f"{n:03}", "once": n} for n in range(25))
    (package / f"{SECOND}.py").write_text(MODULE, "utf-8")
    assert migrate(package.name) == [SECOND]
    return database["rows"]


def test_rows_are_filled_in_and_the_old_is_taken_away(package, expanded):
    before = is_switched(SECOND)
    seen = fill_in(package.name, SECOND, PACE)
    kept = expanded.count_documents({"once": {"$exists": True}})

    assert contract_all(package.name, PACE) == [SECOND]

    assert (before, seen, kept, is_switched(SECOND)) == (False, 25, 25, True)
    assert [row["twice"] for row in expanded.find({"once": None})] == [2 * n for n in range(25)]


@pytest.mark.parametrize("quiet", [1, 2])
def test_nothing_is_taken_away_while_somebody_writes_the_old(package, expanded, monkeypatch, quiet):
    settled = []

    def settle(seconds):
        if seconds == 7:
            settled.append(is_switched(SECOND))
            if len(settled) == quiet:
                expanded.insert_one({"_id": "late", "once": 7})

    monkeypatch.setattr(expansion.time, "sleep", settle)

    with pytest.raises(NotAllowed):
        contract_all(package.name, Pace(batch=0.0, switch=0.0, settle=7))

    assert settled == [False, True][:quiet]
    assert not is_switched(SECOND)
    assert expanded.count_documents({"once": {"$exists": True}}) == 26


def test_an_expanded_database_serves_both_releases(package, expanded):
    require_schema(package.name)
    (package / f"{SECOND}.py").unlink()

    require_schema(package.name)


def test_a_contracted_database_does_not_serve_a_release_that_does_not_know_of_it(package, expanded):
    contract_all(package.name, PACE)
    require_schema(package.name)
    (package / f"{SECOND}.py").unlink()

    with pytest.raises(Unavailable) as refused:
        require_schema(package.name)

    assert refused.value.reason == "SCHEMA_TOO_NEW"


def test_a_new_database_has_nothing_to_contract(package, database):
    (package / f"{SECOND}.py").write_text(MODULE, "utf-8")

    migrate(package.name)

    assert is_switched(SECOND)
    assert contract_all(package.name, PACE) == []
