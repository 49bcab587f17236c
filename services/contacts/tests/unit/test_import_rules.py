"""Which columns fill which fields, and what cells come to."""

import pytest

from crm_chassis.kernel.errors import Flaw, Invalid
from crm_contacts.imports.documents import importable_fields
from crm_contacts.imports.rules import (
    Decision,
    Mode,
    decide,
    overlay,
    plan_of,
    reader_of,
    reason_of,
    target_of,
    worded,
)

FIELDS = importable_fields()


def a_plan(columns, mode="CREATE", match_by=()):
    return plan_of(columns, mode, match_by, False, FIELDS)


def read(columns, cells, **options):
    return reader_of(a_plan(columns), list(columns), **options)(cells)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("givenName", "given_name"),
        ("addresses[0].postalCode", "addresses[0].postal_code"),
        ("addresses[1].addressLines[2]", "addresses[1].address_lines[2]"),
        ("externalIds.febrl", "external_ids.febrl"),
        ("emails[0].address", "emails[0].address"),
        ("tags[0]", "tags[0]"),
        ("owner", "owner"),
        ("teams[1]", "teams[1]"),
    ],
)
def test_a_column_fills_any_field_that_the_api_takes(path, found):
    assert worded(target_of(path, FIELDS).path) == found


@pytest.mark.parametrize(
    "path",
    [
        "name",
        "etag",
        "displayName",
        "createTime",
        "given_name",
        "nickname",
        "",
        "givenName.x",
        "givenName[0]",
        "emails",
        "emails[0]",
        "emails.address",
        "emails[0].nothing",
        "emails[x].address",
        "emails[100].address",
        "addresses[0].addressLines",
        "externalIds",
        "externalIds.",
        "externalIds.No Key",
        "externalIds[0]",
        "tags",
        "addresses[0]..postalCode",
    ],
)
def test_what_is_no_field_to_fill_is_refused_at_its_column(path):
    with pytest.raises(Invalid) as refused:
        a_plan({"col": path})

    assert [flaw.field for flaw in refused.value.flaws] == ["config.columns.col"]
    assert [flaw.reason for flaw in refused.value.flaws] == ["UNKNOWN_FIELD"]


def test_a_field_is_filled_by_one_column_only():
    with pytest.raises(Invalid) as refused:
        a_plan({"a": "givenName", "b": "givenName"})

    assert [(flaw.field, flaw.reason) for flaw in refused.value.flaws] == [
        ("config.columns.b", "FILLED_TWICE")
    ]


@pytest.mark.parametrize(
    ("match_by", "mode", "place", "reason"),
    [
        (["nickname"], "CREATE", "config.match_by[0]", "UNKNOWN_FIELD"),
        (["givenName"], "CREATE", "config.match_by[0]", "UNKNOWN_FIELD"),
        (["emails.address"], "CREATE", "config.match_by[0]", "NOT_FILLED"),
        (["externalIds.erp", "externalIds.other"], "UPSERT", "config.match_by[1]", "NOT_FILLED"),
        ([], "UPDATE", "config.match_by", "MISSING_MATCH"),
        ([], "UPSERT", "config.match_by", "MISSING_MATCH"),
    ],
)
def test_what_rows_cannot_match_by_is_refused(match_by, mode, place, reason):
    with pytest.raises(Invalid) as refused:
        a_plan({"id": "externalIds.erp"}, mode, match_by)

    assert [(flaw.field, flaw.reason) for flaw in refused.value.flaws] == [(place, reason)]


def test_empty_cells_are_absent_and_lists_have_no_gaps():
    columns = {"a": "emails[0].address", "b": "emails[1].address", "n": "givenName", "t": "tags[0]"}

    assert read(columns, ["", "x@y.ch", "", ""]) == {"emails": [{"address": "x@y.ch"}]}
    assert read(columns, ["", "", "", ""]) is None


def test_placed_values_keep_their_places():
    columns = {"a": "emails[0].address", "b": "emails[1].address"}

    assert read(columns, ["", "x@y.ch"], placed=True) == {"emails": {1: {"address": "x@y.ch"}}}


@pytest.mark.parametrize(
    ("path", "cell", "value"),
    [
        ("birthDate", "19151111", "1915-11-11"),
        ("birthDate", "1915-11-11", "1915-11-11"),
        ("birthDate", "11.11.1915", "11.11.1915"),
        ("lifecycleStage", "lead", "LEAD"),
        ("givenName", "'=1+1", "=1+1"),
        ("givenName", "O'Hara", "O'Hara"),
    ],
)
def test_cells_become_what_their_fields_hold(path, cell, value):
    [found] = read({"col": path}, [cell]).values()

    assert found == value


@pytest.mark.parametrize(("cell", "value"), [("true", True), ("NO", False), ("1", True)])
def test_yes_and_no_are_understood_and_no_is_nothing_in_a_new_row(cell, value):
    columns = {"a": "emails[0].address", "p": "emails[0].primary"}

    assert read(columns, ["x@y.ch", cell], placed=True)["emails"][0]["primary"] is value
    assert read(columns, ["x@y.ch", cell])["emails"][0].get("primary", False) is value


@pytest.mark.parametrize(
    ("path", "cell", "reason"),
    [
        ("lifecycleStage", "LIFECYCLE_STAGE_UNSPECIFIED", "UNKNOWN_VALUE"),
        ("lifecycleStage", "boss", "UNKNOWN_VALUE"),
        ("emails[0].primary", "maybe", "UNKNOWN_VALUE"),
        ("givenName", "M\ufffdller", "UNREADABLE"),
    ],
)
def test_a_cell_that_cannot_be_read_is_refused_at_its_field(path, cell, reason):
    with pytest.raises(Invalid) as refused:
        read({"col": path}, [cell])

    [flaw] = refused.value.flaws
    assert (flaw.field, flaw.reason) == (worded(target_of(path, FIELDS).path), reason)


@pytest.mark.parametrize(
    ("mode", "matches", "decision"),
    [
        (Mode.CREATE, 0, Decision.CREATE),
        (Mode.CREATE, 1, Decision.SKIP),
        (Mode.CREATE, 2, Decision.SKIP),
        (Mode.UPDATE, 0, Decision.SKIP),
        (Mode.UPDATE, 1, Decision.UPDATE),
        (Mode.UPSERT, 0, Decision.CREATE),
        (Mode.UPSERT, 1, Decision.UPDATE),
    ],
)
def test_the_mode_decides_over_a_row(mode, matches, decision):
    assert decide(mode, matches) is decision


@pytest.mark.parametrize("mode", [Mode.UPDATE, Mode.UPSERT])
def test_one_of_several_is_never_changed(mode):
    with pytest.raises(Invalid) as refused:
        decide(mode, 2)

    assert refused.value.flaws[0].reason == "AMBIGUOUS_MATCH"


def test_only_what_the_row_names_changes():
    stored = {
        "addresses": [{"locality": "Bern", "postal_code": "3000"}],
        "external_ids": {"erp": "1"},
        "tags": ["a"],
    }

    changed = overlay(
        stored,
        {
            "addresses": {0: {"postal_code": "3011"}, 3: {"locality": "Thun"}},
            "external_ids": {"crm": "2"},
            "given_name": "Ann",
        },
    )

    assert changed == {
        "addresses": [{"locality": "Bern", "postal_code": "3011"}, {"locality": "Thun"}],
        "external_ids": {"erp": "1", "crm": "2"},
        "tags": ["a"],
        "given_name": "Ann",
    }
    assert stored["addresses"] == [{"locality": "Bern", "postal_code": "3000"}]


def test_the_reason_names_fields_as_people_see_them():
    flaws = [Flaw("emails[0].address", "STRING_EMAIL", "is no address"), Flaw("birth_date", "X")]

    told = "emails[0].address is no address (STRING_EMAIL); birthDate is not valid (X)"
    assert reason_of(flaws) == told
