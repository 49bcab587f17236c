"""What grants amount to together, and what may be handed on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_chassis.kernel.errors import Forbidden, NotAllowed
from crm_gateway.roles.rules import (
    NOTHING,
    Grant,
    Reach,
    gains_by_teams,
    level_of,
    merge,
    refuse_built_in,
    refuse_less_for_administrators,
    refuse_more_than_own,
)

COLLECTIONS = ("*", "contacts", "deals", "users")
ACTIONS = ("READ", "CREATE", "UPDATE")
RANK = {None: 0, "OWN": 1, "TEAM": 2, "ALL": 3}

grants = st.lists(
    st.builds(
        Grant,
        st.sampled_from(COLLECTIONS),
        st.sampled_from(ACTIONS),
        st.sampled_from(("OWN", "TEAM", "ALL")),
    ),
    max_size=12,
)
teams = st.frozensets(st.sampled_from(("teams/a", "teams/b", "teams/c")))
reaches = st.builds(Reach, grants.map(merge), teams)
EVERYTHING = merge(Grant("*", action, "ALL") for action in ACTIONS)


def allowed(own, before, after):
    try:
        refuse_more_than_own(own, before, after)
    except Forbidden:
        return False
    return True


@given(grants, st.sampled_from(COLLECTIONS), st.sampled_from(ACTIONS))
def test_merged_rights_are_the_most_permissive_of_the_grants(some, collection, action):
    told = [g.level for g in some if g.resource_type in ("*", collection) and g.action == action]

    level = level_of(merge(some), collection, action)

    assert level == max(told, key=RANK.__getitem__, default=None)


@given(grants, grants)
def test_the_order_of_roles_and_a_role_twice_make_no_difference(first, second):
    assert merge([*first, *second]) == merge([*second, *first, *first])


@given(grants, grants, st.sampled_from(COLLECTIONS), st.sampled_from(ACTIONS))
def test_another_role_never_takes_a_right_away(first, second, collection, action):
    alone = level_of(merge(first), collection, action)

    together = level_of(merge([*first, *second]), collection, action)

    assert RANK[together] >= RANK[alone]


@given(reaches)
def test_everybody_may_hand_on_what_they_have(own):
    assert allowed(own, NOTHING, own)


@given(reaches, reaches)
def test_what_was_there_before_may_stay(own, before):
    assert allowed(own, before, before)


@given(reaches, reaches)
def test_less_may_always_be_given(own, before):
    assert allowed(own, before, NOTHING)


@given(reaches, reaches)
def test_an_administrator_may_give_anything(before, after):
    assert allowed(Reach(EVERYTHING), before, after)


@given(reaches, reaches, st.sampled_from(COLLECTIONS), st.sampled_from(ACTIONS))
def test_what_somebody_could_give_to_nobody_was_within_their_own(own, given_, collection, action):
    if not allowed(own, NOTHING, given_):
        return
    level = level_of(given_.rights, collection, action)

    mine = level_of(own.rights, collection, action)

    assert RANK[mine] >= RANK[level]
    if level == "TEAM" and mine == "TEAM":
        assert given_.teams <= own.teams


@given(reaches, reaches, reaches, reaches)
def test_two_steps_give_nothing_that_one_could_not(own, start, middle, end):
    if allowed(own, start, middle) and allowed(own, middle, end) and not is_gain(middle, end):
        assert allowed(own, start, end)


def is_gain(before, after):
    return not allowed(NOTHING, before, after)


@pytest.mark.parametrize(
    ("own", "given_"),
    [
        ("contacts READ OWN", "contacts READ TEAM"),
        ("contacts READ TEAM", "contacts READ ALL"),
        ("contacts READ ALL", "contacts UPDATE OWN"),
        ("contacts READ ALL", "deals READ OWN"),
        ("contacts READ ALL", "* READ OWN"),
    ],
)
def test_a_right_that_one_does_not_have_cannot_be_given(own, given_):
    mine, theirs = (merge([Grant(*text.split())]) for text in (own, given_))

    with pytest.raises(Forbidden) as refused:
        refuse_more_than_own(Reach(mine), NOTHING, Reach(theirs))

    assert refused.value.reason == "MORE_THAN_OWN_RIGHTS"


def test_another_team_is_more_for_whoever_has_rights_at_team():
    rights = merge([Grant("contacts", "READ", "TEAM")])
    own = Reach(rights, frozenset({"teams/a"}))
    before = Reach(rights, frozenset({"teams/b"}))

    widened = Reach(rights, frozenset({"teams/b", "teams/c"}))
    joined = Reach(rights, frozenset({"teams/a", "teams/b"}))

    assert not allowed(own, before, widened)
    assert allowed(own, before, joined)


@pytest.mark.parametrize(
    ("grants_", "gains"),
    [
        (["contacts READ TEAM"], True),
        (["contacts READ ALL", "deals UPDATE OWN"], False),
        (["contacts READ TEAM", "* READ ALL"], False),
        ([], False),
    ],
)
def test_only_rights_at_team_grow_by_teams(grants_, gains):
    rights = merge(Grant(*text.split()) for text in grants_)

    assert gains_by_teams(rights) is gains


def test_the_roles_from_the_start_stay():
    with pytest.raises(NotAllowed):
        refuse_built_in("roles/viewer")

    refuse_built_in("roles/inside-sales")


def test_the_administrators_keep_their_grants():
    with pytest.raises(NotAllowed):
        refuse_less_for_administrators("roles/administrator", EVERYTHING, {})

    refuse_less_for_administrators("roles/administrator", EVERYTHING, EVERYTHING)
    refuse_less_for_administrators("roles/manager", EVERYTHING, {})
