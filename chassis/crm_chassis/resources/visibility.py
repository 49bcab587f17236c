"""Who may see and change which rows: the one place that turns rights into conditions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crm_chassis.kernel.errors import Forbidden
from crm_chassis.telemetry.context import Level, Principal

if TYPE_CHECKING:
    from crm_chassis.resources.document import Resource

Row = Mapping[str, Any]


def condition(document: "type[Resource]", principal: Principal) -> dict[str, Any]:
    """The MongoDB condition for the rows that the principal may read.

    A resource without an owner of its own is seen by whoever has the right at any level; one
    that stands below another is seen with that one, which its caller checks.

    Raises:
        Forbidden: the principal may read none.
    """
    level = require(principal, document.collection(), "READ")
    if level == "ALL" or not document.is_owned():
        return {}
    return owner_condition(principal, level, document.owner_field, document.teams_field)


def owner_condition(
    principal: Principal, level: Level, owner: str = "owner", teams: str = "teams"
) -> dict[str, Any]:
    """The MongoDB condition for rows whose owner and teams stand in fields of these names."""
    if level == "ALL":
        return {}
    own = {owner: _own(principal, owner)}
    if level == "OWN":
        return own
    return {"$or": [own, {teams: {"$in": sorted(principal.team_scope)}}]}


def require(principal: Principal, collection: str, action: str) -> Level:
    """The level at which the principal may do it.

    Raises:
        Forbidden: at none.
    """
    level = principal.level(collection, action)
    if level is None:
        raise Forbidden(f"You may not {action} {collection}.")
    return level


def admits(document: "type[Resource]", row: Row, principal: Principal, level: Level) -> bool:
    """Whether a right at this level reaches the row."""
    if level == "ALL":
        return True
    if not document.is_owned():
        return level == "TEAM"
    if principal.user is not None and row.get(document.owner_field) == _own(
        principal, document.owner_field
    ):
        return True
    return level == "TEAM" and not principal.team_scope.isdisjoint(
        row.get(document.teams_field) or ()
    )


def is_visible(document: "type[Resource]", row: Row, principal: Principal) -> bool:
    """Whether the principal may read the row."""
    level = principal.level(document.collection(), "READ")
    if level is None:
        return False
    return not document.is_owned() or admits(document, row, principal, level)


def _own(principal: Principal, field: str) -> str | None:
    """What the owner field holds of the principal's own: a user's row is its own owner."""
    if field == "_id" and principal.user is not None:
        return principal.user.rsplit("/", 1)[-1]
    return principal.user
