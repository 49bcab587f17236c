"""The roles that are there from the start: administrator, manager, member, viewer.

Only administrators may change by `*`: it reaches users, roles and everybody's keys. Viewers read
all there is. The others name what they reach, and of users and keys that is their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crm_chassis.kernel.errors import Exists
from crm_chassis.resources.transaction import as_call
from crm_chassis.telemetry.context import own_call
from crm_gateway.roles.commands import create_role
from crm_gateway.roles.documents import Grant, Role
from crm_gateway.roles.rules import ANY, Level

if TYPE_CHECKING:
    from pymongo.database import Database

ACTIONS = ("READ", "CREATE", "UPDATE", "DELETE", "EXPORT", "BULK", "MERGE", "ERASE")
WORK = (
    "contacts",
    "organizations",
    "interactions",
    "consents",
    "deals",
    "pipelines",
    "cases",
    "messages",
    "audiences",
    "members",
    "campaigns",
    "deliveries",
    "kpis",
    "operations",
    "teams",
)


def up(database: "Database[dict[str, Any]]") -> None:
    """Make those that are missing; they are announced like any other role."""
    for slug, grants in _GRANTS.items():
        role = Role(display_name=slug.capitalize(), grants=[Grant(**grant) for grant in grants])
        try:
            as_call(own_call("gateway", "migrations/0002"), create_role, role, slug)
        except Exists:
            continue


def _grants(collections: Sequence[str], **levels: Level) -> Iterator[dict[str, str]]:
    for collection in collections:
        for action, level in levels.items():
            yield {"resource_type": collection, "action": action, "level": level}


def _everything(level: Level) -> Mapping[str, Level]:
    return dict.fromkeys(ACTIONS, level)


_OWN_KEYS = (*_grants(("apiKeys",), READ="OWN", CREATE="OWN", UPDATE="OWN"),)
_ONESELF = (*_grants(("users",), READ="OWN"),)
_GRANTS = {
    "administrator": [*_grants((ANY,), **_everything("ALL"))],
    "manager": [
        *_grants((*WORK, "ledger"), **_everything("TEAM")),
        *_OWN_KEYS,
        *_ONESELF,
    ],
    "member": [
        *_grants(WORK, CREATE="ALL", READ="TEAM", UPDATE="OWN", DELETE="OWN"),
        *_OWN_KEYS,
        *_ONESELF,
    ],
    "viewer": [*_grants((ANY,), READ="ALL")],
}
