"""Reads of roles."""

from collections.abc import Iterable

from crm_chassis.kernel.ids import id_of
from crm_gateway.roles.documents import Role
from crm_gateway.roles.rules import Grant, Rights, merge


def rights_of(roles: Iterable[str]) -> Rights:
    """What the roles that stand amount to together."""
    ids = [id_of(role) for role in roles]
    rows = Role.rows().find({"_id": {"$in": ids}, "delete_time": None}, {"grants": 1})
    return merge(Grant(**grant) for row in rows for grant in row.get("grants", ()))
