"""The load against a small stand-in for the REST API: all of it, again, and after a crash."""

import pytest

from crm_demo.api import Refused
from crm_demo.loading import is_loaded, load
from crm_demo.people import read_people


def test_everything_is_loaded_once_and_the_company_itself_last(installation):
    people = read_people()[:30]

    load(installation.api, people)

    rows = installation.rows
    assert len(rows["organizations"]) == 401
    assert rows["organizations"][-1]["displayName"] == "Wattle & Pine"
    assert len(rows["contacts"]) == 30
    assert _children(rows, "consents") > 30
    assert _children(rows, "interactions") > 60
    assert len(rows["deals"]) == 320
    ends = [verb for deal in rows["deals"] for verb in deal.get("done", ())]
    assert {"win", "lose"} == set(ends)
    assert len(rows["cases"]) == 180
    assert _children(rows, "messages") > 80
    assert [campaign["state"] for campaign in rows["campaigns"]] == ["SENT"]


def test_a_loaded_company_is_known_by_one_request(installation):
    load(installation.api, read_people()[:3])
    before = installation.requests

    assert is_loaded(installation.api)

    assert installation.requests == before + 1


@pytest.mark.parametrize("requests", [5, 200, 428, 500])
def test_a_load_that_broke_down_is_finished_by_the_next_and_nothing_is_there_twice(
    installation, requests
):
    people = read_people()[:30]
    installation.breaks_after = requests
    with pytest.raises(Refused):
        load(installation.api, people)
    assert not is_loaded_when_mended(installation)

    load(installation.api, people)

    assert is_loaded(installation.api)
    for path, rows in installation.rows.items():
        told = [str({**row, "name": "", "createTime": ""}) for row in rows]
        assert len(told) == len(set(told)), path


def test_nothing_is_made_again_when_the_idempotency_keys_are_forgotten(installation):
    people = read_people()[:30]
    load(installation.api, people)
    installation.rows["organizations"].pop()
    loaded = {path: len(rows) for path, rows in installation.rows.items()}
    installation.answers = {
        key: answer for key, answer in installation.answers.items() if "-people-" in key
    }

    load(installation.api, people)

    loaded["organizations"] += 1
    assert {path: len(rows) for path, rows in installation.rows.items()} == loaded


def is_loaded_when_mended(installation):
    installation.breaks_after = None
    return is_loaded(installation.api)


def _children(rows, collection):
    return sum(len(found) for path, found in rows.items() if path.endswith(f"/{collection}"))
