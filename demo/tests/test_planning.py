"""What is planned: the same at every load, of valid parts, from a file with dirty values."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest

from crm_demo.consents import planned_consents
from crm_demo.crew import TEAMS, USERS, Crew
from crm_demo.interactions import planned_interactions
from crm_demo.organizations import planned_organizations
from crm_demo.people import MAPPING, birth_date, file_to_import, read_people

ANCHOR = datetime(2026, 11, 22, 12, tzinfo=UTC)
CREW = Crew(
    teams={name: f"teams/{name}" for name in TEAMS},
    users={name: f"users/{name}" for name, *_ in USERS},
    since="2026-11-22T12:00:00.000Z",
    is_new=True,
)


def test_the_file_has_5000_people_in_columns_without_blanks_around():
    people = read_people()

    assert len(people) == 5000
    assert people[0]["given_name"] == "michaela"
    assert all(cell == cell.strip() for row in people for cell in row.values())


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("19151111", "1915-11-11"),
        ("19000229", ""),
        ("19001332", ""),
        ("", ""),
        ("unknown", ""),
        ("1915", ""),
    ],
)
def test_a_birth_date_is_a_day_that_exists_or_nothing(text, day):
    assert birth_date(text) == day


def test_a_row_that_is_short_or_empty_is_taken_as_it_is(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("rec_id, given_name, surname, state\nrec-1\n\nrec-2, , o'neil-smith , zz\n")

    rows = imported(read_people(file))

    assert [row["rec_id"] for row in rows] == ["rec-1", "rec-2"]
    assert rows[0]["email"].startswith("rec1@")
    assert rows[1]["email"].startswith("oneilsmith@")
    assert rows[1]["state"] == "zz"


def test_every_person_has_an_address_of_their_own_and_a_number_that_nobody_has():
    rows = imported(read_people())

    assert len({row["email"] for row in rows}) == 5000
    assert all(re.fullmatch(r"[a-z0-9.]+@[a-z0-9.-]+\.example", row["email"]) for row in rows)
    assert all(re.fullmatch(r"\+61[2378](5550|7010)\d{4}", row["phone"]) for row in rows)


def test_two_plans_are_the_same():
    people = [row["rec_id"] for row in read_people()]

    assert planned_organizations() == planned_organizations()
    assert imported(read_people()) == imported(read_people())
    assert planned_consents(people, ANCHOR) == planned_consents(people, ANCHOR)
    assert planned_interactions(people, ANCHOR) == planned_interactions(people, ANCHOR)


def test_organizations_differ_in_name_and_domain_and_parents_come_first():
    plans = planned_organizations()

    assert len({plan.name for plan in plans}) == len({plan.domain for plan in plans}) == 400
    seen = {""}
    for plan in plans:
        assert plan.parent in seen
        seen.add(plan.id)
    assert {plan.depth for plan in plans} == {0, 1, 2}


def test_consents_and_interactions_lie_in_the_past_and_differ():
    people = [row["rec_id"] for row in read_people()]

    consents = planned_consents(people, ANCHOR)
    interactions = planned_interactions(people, ANCHOR)

    assert (len(consents), len(interactions)) == (2500, 4000)
    assert all(body["captureTime"] < "2026-11-22T12" for _, body in consents)
    assert all("2024-11-22" <= body["occurTime"] < "2026-11-22T12" for _, body in interactions)
    apart = {(person, body["subject"], body["occurTime"]) for person, body in interactions}
    assert len(apart) == 4000


def imported(people):
    plans = planned_organizations()
    names = {plan.id: f"organizations/{plan.id}" for plan in plans}
    text = file_to_import(people, plans, names, CREW).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert not rows or list(rows[0]) == list(MAPPING)
    return rows
