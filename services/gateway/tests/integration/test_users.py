"""Users, on a real database."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from crm_chassis.kernel.errors import Exists, Forbidden, NotAllowed, NotFound
from crm_chassis.resources.pages import Question
from crm_chassis.resources.reading import get_resource, list_resources
from crm_chassis.resources.transaction import as_call, in_transaction
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call
from crm_gateway.testing import a_role, a_team, a_user, principal_of
from crm_gateway.users.commands import create_user, delete_user, undelete_user, update_user
from crm_gateway.users.documents import User
from crm_gateway.users.queries import standing_of

pytestmark = pytest.mark.usefixtures("administration")

ADMINISTRATOR = "roles/administrator"
USERS = ("users READ ALL", "users CREATE ALL", "users UPDATE ALL", "users DELETE ALL")


def change(user, by=None, **fields):
    call = a_call_by(by) if by else a_call(collection="users", action="UPDATE")
    changes = User(id=user.id, **fields)
    return as_call(call, update_user, changes, [*fields], "", "UTC")


def a_call_by(user, action="UPDATE"):
    return a_call(principal_of(user), "users", action)


def test_what_is_not_told_of_a_user_has_defaults():
    values = User(display_name="Ann", email="Ann.Miller@Example.COM")

    user = in_transaction(create_user, values, "Europe/Zurich")

    assert user.email == "ann.miller@example.com"
    assert (user.state, user.language_code, user.time_zone) == ("ACTIVE", "en", "Europe/Zurich")
    assert (user.teams, user.roles) == ([], [])


def test_no_two_users_have_the_same_address():
    first = a_user(email="ann@example.com")
    second = a_user()

    with pytest.raises(Exists) as refused:
        a_user(email="ANN@example.com")
    with pytest.raises(Exists):
        change(second, email="Ann@Example.com")
    in_transaction(delete_user, first.name, "")

    assert refused.value.flaws[0].field == "email"
    assert change(second, email="ann@example.com").email == "ann@example.com"
    with pytest.raises(Exists):
        in_transaction(undelete_user, first.name, "")


def test_users_see_themselves_only():
    ann, ben = a_user(roles=["roles/member"]), a_user()

    with call_scope(a_call(principal_of(ann), "users")):
        listed = list_resources(User, Question()).messages
        with pytest.raises(NotFound):
            get_resource(User, ben.name)

    assert [message.name for message in listed] == [ann.name]


def test_nobody_gives_a_user_more_than_they_have():
    helper = a_user(roles=[a_role(*USERS, "contacts READ ALL").name])
    more, same = a_role("deals READ OWN"), a_role("contacts READ TEAM")
    user = a_user()
    new = User(display_name="Eve", email="eve@example.com", roles=[ADMINISTRATOR])

    with pytest.raises(Forbidden):
        change(user, by=helper, roles=[more.name])
    with pytest.raises(Forbidden):
        change(helper, by=helper, roles=[ADMINISTRATOR])
    with pytest.raises(Forbidden):
        as_call(a_call_by(helper, "CREATE"), create_user, new, "UTC")

    assert change(user, by=helper, roles=[same.name]).roles == [same.name]


def test_nobody_gives_a_user_a_team_that_they_do_not_reach_themselves():
    own, foreign = a_team(), a_team()
    roles = [a_role(*USERS, "contacts READ TEAM").name]
    helper = a_user(roles=roles, teams=[own.name])
    below = a_team(parent=own.name)
    user = a_user(roles=roles)

    with pytest.raises(Forbidden):
        change(user, by=helper, teams=[own.name, foreign.name])
    with pytest.raises(Forbidden):
        change(helper, by=helper, teams=[own.name, foreign.name])

    assert change(user, by=helper, teams=[below.name]).teams == [below.name]


def test_whoever_may_do_less_neither_takes_over_nor_lets_in_somebody_who_may_more():
    helper = a_user(roles=[a_role(*USERS).name])
    administrator = a_user(roles=[ADMINISTRATOR])
    suspended = a_user(roles=[ADMINISTRATOR], state="SUSPENDED")
    gone = a_user(roles=[ADMINISTRATOR])
    in_transaction(delete_user, gone.name, "")

    with pytest.raises(Forbidden):
        change(administrator, by=helper, email="helper@example.com")
    with pytest.raises(Forbidden):
        change(suspended, by=helper, state="ACTIVE")
    with pytest.raises(Forbidden):
        as_call(a_call_by(helper, "DELETE"), undelete_user, gone.name, "")

    assert change(administrator, by=helper, display_name="Boss").display_name == "Boss"


def test_a_suspended_or_deleted_user_may_do_nothing():
    suspended, gone = a_user(state="SUSPENDED"), a_user()
    in_transaction(delete_user, gone.name, "")

    assert standing_of(suspended.name) is None
    assert standing_of(gone.name) is None
    assert standing_of(f"users/{'0' * 8}-0000-7000-8000-{'0' * 12}") is None


def test_the_last_administrator_stays():
    first = a_user(roles=[ADMINISTRATOR])
    second = a_user(roles=[ADMINISTRATOR], state="SUSPENDED")

    for attempt in (
        lambda: change(first, state="SUSPENDED"),
        lambda: change(first, roles=[]),
        lambda: in_transaction(delete_user, first.name, ""),
    ):
        with pytest.raises(NotAllowed) as refused:
            attempt()
    change(second, state="ACTIVE")

    assert refused.value.reason == "LAST_ADMINISTRATOR"
    assert in_transaction(delete_user, first.name, "").delete_time is not None


def test_two_administrators_who_leave_at_once_do_not_both_leave():
    pair = [a_user(roles=[ADMINISTRATOR]) for _ in range(2)]

    def leave(user):
        try:
            change(user, state="SUSPENDED")
        except NotAllowed:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        left = list(pool.map(leave, pair))

    assert sorted(left) == [False, True]
