"""Teams, on a real database."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from crm_chassis.kernel.errors import Forbidden, Invalid, NotAllowed, NotFound
from crm_chassis.resources.reading import get_resource
from crm_chassis.resources.transaction import as_call, in_transaction
from crm_chassis.testing.calls import a_call
from crm_gateway.teams.commands import delete_team, undelete_team, update_team
from crm_gateway.teams.documents import Team
from crm_gateway.teams.queries import subtree_of
from crm_gateway.testing import a_role, a_team, a_user, principal_of

pytestmark = pytest.mark.usefixtures("administration")


def move(team, parent):
    changes = Team(id=team.id, parent=parent and parent.name)
    return in_transaction(update_team, changes, ["parent"], "")


def a_call_by(user, action="UPDATE"):
    return a_call(principal_of(user), "teams", action)


def names(*teams):
    return frozenset(team.name for team in teams)


def test_a_team_never_becomes_its_own_ancestor():
    top = a_team()
    below = a_team(parent=a_team(parent=top.name).name)

    with pytest.raises(Invalid) as refused:
        move(top, below)
    with pytest.raises(Invalid):
        move(top, top)

    assert refused.value.flaws[0].field == "parent"
    assert get_resource(Team, top.name).parent == ""


def test_two_moves_that_would_close_a_circle_do_not_both_happen():
    first, second = a_team(), a_team()

    def try_to_move(pair):
        changes = Team(id=pair[0].id, parent=pair[1].name)
        try:
            as_call(a_call(), update_team, changes, ["parent"], "")
        except Invalid:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        moved = list(pool.map(try_to_move, [(first, second), (second, first)]))

    assert sorted(moved) == [False, True]


def test_a_team_reaches_all_below_it_but_not_past_one_that_was_taken_away():
    top, other = a_team(), a_team()
    middle = a_team(parent=top.name)
    low = a_team(parent=middle.name)

    whole = subtree_of([top.name])
    in_transaction(delete_team, middle.name, "")
    cut = subtree_of([top.name, middle.name])
    in_transaction(undelete_team, middle.name, "")

    assert whole == names(top, middle, low)
    assert cut == names(top)
    assert subtree_of([top.name, other.name]) == names(top, middle, low, other)


def test_a_manager_changes_own_teams_and_those_below_only():
    own = a_team()
    below, foreign = a_team(parent=own.name), a_team()
    manager = a_user(roles=["roles/manager"], teams=[own.name])

    for command in (
        lambda: as_call(a_call_by(manager), update_team, renamed(foreign), ["display_name"], ""),
        lambda: as_call(a_call_by(manager, "DELETE"), delete_team, foreign.name, ""),
    ):
        with pytest.raises(Forbidden):
            command()
    changed = as_call(a_call_by(manager), update_team, renamed(below), ["display_name"], "")

    assert changed.display_name == "Other"


def test_nobody_puts_a_team_below_theirs_to_reach_what_it_shares():
    own, foreign = a_team(), a_team()
    roles = [a_role("teams UPDATE ALL", "teams READ ALL", "contacts READ TEAM").name]
    gaining = a_user(roles=roles, teams=[own.name])
    changes = Team(id=foreign.id, parent=own.name)

    with pytest.raises(Forbidden) as refused:
        as_call(a_call_by(gaining), update_team, changes, ["parent"], "")

    assert refused.value.reason == "MORE_THAN_OWN_RIGHTS"
    assert subtree_of([own.name]) == names(own)


def test_nobody_brings_a_team_back_to_reach_what_it_shared():
    own = a_team()
    roles = [a_role("teams DELETE ALL", "teams READ ALL", "contacts READ TEAM").name]
    gaining = a_user(roles=roles, teams=[own.name])
    in_transaction(delete_team, own.name, "")

    with pytest.raises(Forbidden):
        as_call(a_call_by(gaining, "DELETE"), undelete_team, own.name, "")

    assert subtree_of([own.name]) == frozenset()


def test_a_member_makes_teams_but_changes_none():
    own = a_team()
    member = a_user(roles=["roles/member"], teams=[own.name])

    with pytest.raises(Forbidden):
        as_call(a_call_by(member), update_team, renamed(own), ["display_name"], "")


def test_a_team_that_was_taken_away_comes_back_where_it_was():
    top = a_team()
    team = a_team(parent=top.name)

    in_transaction(delete_team, team.name, team.etag)
    with pytest.raises(NotFound):
        move(team, None)
    back = in_transaction(undelete_team, team.name, "")

    assert back.parent == top.name
    with pytest.raises(NotAllowed):
        in_transaction(undelete_team, team.name, "")


def renamed(team):
    return Team(id=team.id, display_name="Other")
