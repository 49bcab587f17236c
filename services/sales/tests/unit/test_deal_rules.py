"""What holds for deals, and how long they stayed where."""

from datetime import UTC, datetime, timedelta

import pytest

from crm_chassis.kernel.errors import Invalid
from crm_sales.deals.rules import refuse_repeated_contacts, stays

NOON = datetime(2026, 5, 3, 12, tzinfo=UTC)


def version(sequence: int, stage: str) -> tuple[int, datetime, str, str]:
    return sequence, NOON + timedelta(hours=sequence), f"users/{sequence}", stage


def test_a_person_has_one_say_in_a_deal():
    with pytest.raises(Invalid) as refused:
        refuse_repeated_contacts(["contacts/1", "contacts/2", "contacts/1"])

    assert [flaw.field for flaw in refused.value.flaws] == ["contacts[2].contact"]


def test_a_stay_lasts_from_the_version_that_entered_to_the_one_that_left():
    versions = [version(1, "talk"), version(2, "talk"), version(3, "offer"), version(4, "talk")]

    found = list(stays(versions))

    assert [(stay.stage, stay.sequence, stay.actor) for stay in found] == [
        ("talk", 1, "users/1"),
        ("offer", 3, "users/3"),
        ("talk", 4, "users/4"),
    ]
    assert [stay.end for stay in found] == [found[1].start, found[2].start, None]
    assert found[0].end - found[0].start == timedelta(hours=2)


def test_of_nothing_there_are_no_stays():
    assert list(stays([])) == []
