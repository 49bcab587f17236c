"""Audiences and their members."""

import pytest

from crm_campaigns.audiences.commands import (
    add_contacts,
    delete_audience,
    remove_contacts,
    undelete_audience,
    update_audience,
)
from crm_campaigns.audiences.documents import Audience
from crm_campaigns.members.documents import Member
from crm_campaigns.testing import a_contact, an_audience
from crm_chassis.kernel.errors import NotFound, Stale
from crm_chassis.mongo.connection import database as connected
from crm_chassis.resources.transaction import in_transaction


def members() -> list[tuple[str, bool]]:
    return [(row["contact"], "delete_time" not in row) for row in Member.rows().find()]


def test_a_contact_is_in_an_audience_once_however_often_it_is_added():
    ann, bob = a_contact(), a_contact()
    audience = an_audience([ann])

    audience = in_transaction(add_contacts, audience.name, [ann, bob], "")

    assert sorted(members()) == sorted([(ann, True), (bob, True)])
    assert (audience.member_count, audience.version) == (2, 1)
    assert Audience.rows().find_one()["member_count"] == 2


def test_who_was_removed_comes_back_as_the_same_member():
    ann = a_contact()
    audience = an_audience([ann])

    removed = in_transaction(remove_contacts, audience.name, [ann, a_contact()], "")
    assert (members(), removed.member_count) == ([(ann, False)], 0)
    back = in_transaction(add_contacts, audience.name, [ann], "")

    assert (members(), back.member_count) == ([(ann, True)], 1)
    told = connected()["events"].find({"subject": {"$regex": "members"}}).sort("sequence", 1)
    types = [row["type"] for row in told]
    assert [type_.split(".")[-2] for type_ in types] == ["created", "deleted", "undeleted"]


def test_a_member_shows_how_its_contact_is_called():
    ada = a_contact(displayName="Ada Byron")
    an_audience([ada])

    assert Member.rows().find_one()["customer_display_names"] == {ada: "Ada Byron"}


def test_the_verbs_heed_the_tag_and_need_an_audience_that_stands():
    audience = an_audience()
    with pytest.raises(Stale):
        in_transaction(add_contacts, audience.name, [a_contact()], '"9"')

    deleted = in_transaction(delete_audience, audience.name, audience.etag)
    with pytest.raises(NotFound):
        in_transaction(add_contacts, audience.name, [a_contact()], "")
    in_transaction(undelete_audience, audience.name, deleted.etag)

    assert in_transaction(add_contacts, audience.name, [a_contact()], "").member_count == 1


def test_a_new_name_leaves_the_count_as_it_is():
    audience = an_audience([a_contact()])

    changes = Audience(id=audience.id, display_name="Others")
    in_transaction(update_audience, changes, ["display_name"], audience.etag)

    row = Audience.rows().find_one()
    assert (row["display_name"], row["member_count"], row["version"]) == ("Others", 1, 2)
