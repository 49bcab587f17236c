"""Decisions about rights: what grants amount to together, and what one may hand on."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from crm_chassis.kernel.errors import Forbidden, NotAllowed

Level = Literal["OWN", "TEAM", "ALL"]
Rights = Mapping[str, Mapping[str, Level]]

ANY = "*"
ADMINISTRATOR = "roles/administrator"
BUILT_IN = frozenset({ADMINISTRATOR, "roles/manager", "roles/member", "roles/viewer"})
_RANK: Mapping[Level | None, int] = {None: 0, "OWN": 1, "TEAM": 2, "ALL": 3}


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to do something with the resources of a collection, or of every one (`*`)."""

    resource_type: str
    action: str
    level: Level


@dataclass(frozen=True, slots=True)
class Reach:
    """What somebody may do, and the teams whose resources a right at TEAM reaches."""

    rights: Rights
    teams: frozenset[str] = frozenset()


NOTHING = Reach({})


def merge(grants: Iterable[Grant]) -> dict[str, dict[str, Level]]:
    """Collection (or `*`) -> action -> the most permissive level that a grant gives for it."""
    merged: dict[str, dict[str, Level]] = {}
    for grant in grants:
        actions = merged.setdefault(grant.resource_type, {})
        if _RANK[grant.level] > _RANK[actions.get(grant.action)]:
            actions[grant.action] = grant.level
    return merged


def level_of(rights: Rights, collection: str, action: str) -> Level | None:
    """With how many resources of the collection one may do it; None: with none."""
    particular = rights.get(collection, {}).get(action)
    general = rights.get(ANY, {}).get(action)
    return max(particular, general, key=_RANK.__getitem__)


def refuse_more_than_own(own: Reach, before: Reach, after: Reach) -> None:
    """Nobody gives somebody a right that they do not have themselves.

    What `after` has beyond `before` must be within `own`; what was there before may stay.

    Raises:
        Forbidden: it is not.
    """
    for collection, action, level in _gains(before, after):
        if not _covers(own, before, after, (collection, action, level)):
            raise Forbidden(
                f"You cannot give the right to {action} {collection} at {level}, "
                "because you do not have it yourself.",
                reason="MORE_THAN_OWN_RIGHTS",
            )


def gains_by_teams(rights: Rights) -> bool:
    """Whether somebody with these rights reaches more when a team comes below one of theirs."""
    return any(
        level_of(rights, collection, action) == "TEAM"
        for collection, actions in rights.items()
        for action in actions
    )


def refuse_built_in(role: str) -> None:
    """A role that is there from the start cannot be taken away.

    Raises:
        NotAllowed: `role` is one.
    """
    if role in BUILT_IN:
        raise NotAllowed(f"{role} is always there.", reason="BUILT_IN_ROLE")


def refuse_less_for_administrators(role: str, before: Rights, after: Rights) -> None:
    """The administrators' role stays as it is, or nobody could give anything back.

    Raises:
        NotAllowed: `role` is theirs and its grants are others than before.
    """
    if role == ADMINISTRATOR and before != after:
        raise NotAllowed(f"The grants of {role} cannot be changed.", reason="BUILT_IN_ROLE")


def _gains(before: Reach, after: Reach) -> Iterator[tuple[str, str, Level]]:
    """What `after` may do beyond `before`: collection, action, level."""
    for collection, actions in after.rights.items():
        for action in actions:
            level = level_of(after.rights, collection, action)
            earlier = level_of(before.rights, collection, action)
            wider = level == earlier == "TEAM" and not after.teams <= before.teams
            if level is not None and (_RANK[level] > _RANK[earlier] or wider):
                yield collection, action, level


def _covers(own: Reach, before: Reach, after: Reach, gain: tuple[str, str, Level]) -> bool:
    collection, action, level = gain
    mine = level_of(own.rights, collection, action)
    if mine != "TEAM" or level != "TEAM":
        return _RANK[mine] >= _RANK[level]
    had_teams = level_of(before.rights, collection, action) == "TEAM"
    return (after.teams - before.teams if had_teams else after.teams) <= own.teams
