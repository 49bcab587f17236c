"""Reads of teams."""

from collections.abc import Iterable, Mapping
from typing import Any

from crm_chassis.kernel.ids import id_of
from crm_gateway.teams.documents import Team


def ancestors_of(parent: str | None) -> list[str]:
    """The names from `parent` up to the top."""
    names: list[str] = []
    while parent and parent not in names:
        names.append(parent)
        row = Team.rows().find_one({"_id": id_of(parent)}, {"parent": 1})
        parent = row.get("parent") if row else None
    return names


def standing_teams(teams: Iterable[str]) -> frozenset[str]:
    """Those of the teams that stand."""
    return _names({"_id": {"$in": [id_of(team) for team in teams]}})


def subtree_of(teams: Iterable[str]) -> frozenset[str]:
    """Those of the teams that stand, and all below them, down to those that were taken away."""
    found: set[str] = set()
    level = standing_teams(teams)
    while level:
        found |= level
        level = _names({"parent": {"$in": sorted(level)}}) - found
    return frozenset(found)


def _names(condition: Mapping[str, Any]) -> frozenset[str]:
    rows = Team.rows().find({**condition, "delete_time": None}, {"_id": 1})
    return frozenset(f"teams/{row['_id']}" for row in rows)
