"""Roles, on a real database."""

import pytest

from crm_chassis.kernel.errors import Exists, Forbidden, NotAllowed, NotFound
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.mongo.migrations import migrate
from crm_chassis.resources.reading import get_resource
from crm_chassis.resources.transaction import as_call, in_transaction
from crm_chassis.telemetry.context import service_principal
from crm_chassis.testing.calls import a_call
from crm_gateway.roles.commands import create_role, delete_role, undelete_role, update_role
from crm_gateway.roles.documents import Grant, Role
from crm_gateway.roles.queries import rights_of
from crm_gateway.testing import a_role, a_user, principal_of

ADMINISTRATOR, MANAGER, MEMBER, VIEWER = (
    f"roles/{slug}" for slug in ("administrator", "manager", "member", "viewer")
)

pytestmark = pytest.mark.usefixtures("administration")


def a_call_by(user, action="UPDATE"):
    return a_call(principal_of(user), "roles", action)


def test_four_roles_are_there_from_the_start_and_were_announced():
    events = list(service_database()["events"].find({"type": "crm.gateway.role.created.v1"}))

    assert {event["subject"] for event in events} == {ADMINISTRATOR, MANAGER, MEMBER, VIEWER}
    assert {event["actor"] for event in events} == {"services/gateway"}
    assert service_database()["receipts"].count_documents({}) == 4


def test_migrating_again_changes_nothing():
    service_database()["migrations"].delete_many({})

    migrate("crm_gateway.migrations")

    assert Role.rows().count_documents({"version": 1}) == 4


def test_an_administrator_may_do_everything():
    user = a_user(roles=[ADMINISTRATOR])

    assert principal_of(user).rights == service_principal("gateway").rights


@pytest.mark.parametrize("role", [MANAGER, MEMBER])
def test_nobody_else_gets_at_users_roles_and_keys_of_others(role):
    rights = rights_of([role])

    assert "*" not in rights
    assert "roles" not in rights
    assert rights["users"] == {"READ": "OWN"}
    assert set(rights["apiKeys"].values()) == {"OWN"}
    assert "deadLetters" not in rights


def test_a_member_works_with_what_is_theirs_and_a_viewer_only_looks():
    member, viewer = principal_of(a_user(roles=[MEMBER])), principal_of(a_user(roles=[VIEWER]))

    assert member.level("deals", "READ") == "TEAM"
    assert member.level("deals", "UPDATE") == "OWN"
    assert member.level("deals", "EXPORT") is None
    assert viewer.rights == {"*": {"READ": "ALL"}}


def test_a_role_gives_nothing_that_its_maker_lacks():
    maker = a_user(roles=[MANAGER, a_role("roles CREATE ALL").name])
    more = Role(display_name="More", grants=[Grant(**grant("contacts", "READ", "ALL"))])
    same = Role(display_name="Same", grants=[Grant(**grant("contacts", "READ", "TEAM"))])

    with pytest.raises(Forbidden):
        as_call(a_call_by(maker, "CREATE"), create_role, more, "more")
    made = as_call(a_call_by(maker, "CREATE"), create_role, same, "same")

    assert made.name == "roles/same"
    with pytest.raises(NotFound):
        get_resource(Role, "roles/more")


def test_a_role_that_one_may_change_gets_no_more_than_one_has():
    role = a_role("contacts READ OWN", "deals ERASE ALL")
    editor = a_user(roles=[a_role("roles UPDATE ALL", "roles READ ALL", "contacts READ TEAM").name])

    def change(*grants):
        changes = Role(id=role.id, grants=[Grant(**grant(*text.split())) for text in grants])
        return as_call(a_call_by(editor), update_role, changes, ["grants"], "")

    with pytest.raises(Forbidden):
        change("contacts READ ALL", "deals ERASE ALL")
    changed = change("contacts READ TEAM", "deals ERASE ALL")

    assert [g.level for g in changed.grants] == ["TEAM", "ALL"]


def test_a_role_that_was_taken_away_gives_nothing_and_comes_back_with_what_it_gave():
    role = a_role("contacts READ ALL")
    user = a_user(roles=[role.name])
    keeper = a_user(roles=[a_role("roles DELETE ALL", "roles READ ALL").name])

    in_transaction(delete_role, role.name, role.etag)
    without = principal_of(user).rights
    with pytest.raises(Forbidden):
        as_call(a_call_by(keeper, "DELETE"), undelete_role, role.name, "")
    in_transaction(undelete_role, role.name, "")

    assert without == {}
    assert principal_of(user).level("contacts", "READ") == "ALL"


def test_a_role_from_the_start_cannot_be_taken_away():
    with pytest.raises(NotAllowed) as refused:
        in_transaction(delete_role, VIEWER, "")

    assert refused.value.reason == "BUILT_IN_ROLE"


def test_the_administrators_role_keeps_its_grants_but_may_be_called_otherwise():
    with pytest.raises(NotAllowed):
        in_transaction(update_role, Role(id="administrator"), ["grants"], "")

    renamed = in_transaction(
        update_role, Role(id="administrator", display_name="Boss"), ["display_name"], ""
    )

    assert renamed.display_name == "Boss"


def test_a_slug_is_taken_once_and_made_up_when_not_told():
    a_role(slug="inside-sales")

    with pytest.raises(Exists):
        a_role(slug="inside-sales")

    assert len(a_role().id) == 36


def grant(resource_type, action, level):
    return {"resource_type": resource_type, "action": action, "level": level}
