"""Reads of users, and of what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_chassis.kernel.ids import id_of
from crm_gateway.roles.queries import rights_of
from crm_gateway.roles.rules import ADMINISTRATOR, NOTHING, Reach
from crm_gateway.teams.queries import standing_teams, subtree_of
from crm_gateway.users.documents import User
from crm_gateway.users.rules import ACTIVE, may_work


@dataclass(frozen=True, slots=True)
class Standing:
    """What a user may do: the user's own teams, and the reach of the user's rights."""

    teams: frozenset[str]
    reach: Reach


def standing_of(name: str) -> Standing | None:
    """What a user may do; None when there is no such user, or the user may not work."""
    row = User.rows().find_one({"_id": id_of(name)})
    if row is None or not may_work(row.get("state"), "delete_time" in row):
        return None
    return Standing(standing_teams(row.get("teams", ())), _reach_of_row(row))


def reach_of(user: User) -> Reach:
    """What a user may do, as the document has it, stored or not."""
    if not may_work(user.state, user.delete_time is not None):
        return NOTHING
    return _reach_of_row({"roles": user.roles, "teams": user.teams})


def find_by_email(email: str) -> str | None:
    """The name of the user with this address."""
    row = User.rows().find_one({"email": email, "delete_time": None}, {"_id": 1})
    return f"users/{row['_id']}" if row is not None else None


def is_administrator_besides(name: str) -> bool:
    """Whether another user is an administrator and may work."""
    condition = {
        "roles": ADMINISTRATOR,
        "state": ACTIVE,
        "delete_time": None,
        "_id": {"$ne": id_of(name)},
    }
    return User.rows().find_one(condition, {"_id": 1}) is not None


def _reach_of_row(row: Mapping[str, Any]) -> Reach:
    return Reach(rights_of(row.get("roles", ())), subtree_of(row.get("teams", ())))
