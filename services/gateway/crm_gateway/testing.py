"""Users, teams, roles and keys, stored with sensible values; and who asks as one of them."""

from typing import Any

from crm.gateway.v1 import api_keys_pb2

from crm_chassis.kernel.ids import new_id
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.telemetry.context import Principal
from crm_gateway.api_keys.commands import create_api_key
from crm_gateway.api_keys.documents import ApiKey
from crm_gateway.roles.commands import create_role
from crm_gateway.roles.documents import Grant, Role
from crm_gateway.teams.commands import create_team
from crm_gateway.teams.documents import Team
from crm_gateway.users.commands import create_user
from crm_gateway.users.documents import User
from crm_gateway.users.queries import standing_of


def a_team(**fields: Any) -> Team:
    """A team; at the top when no parent is told."""
    return in_transaction(create_team, Team(**{"display_name": "Sales", **fields}))


def a_role(*grants: str, slug: str = "") -> Role:
    """A role with grants such as `contacts READ TEAM`."""
    told = [
        Grant(**dict(zip(("resource_type", "action", "level"), grant.split(), strict=True)))
        for grant in grants
    ]
    return in_transaction(create_role, Role(display_name="Some", grants=told), slug)


def a_user(**fields: Any) -> User:
    """A user without roles and teams when none are told."""
    values = {"display_name": "Ann Miller", "email": f"{new_id()}@example.com", **fields}
    return in_transaction(create_user, User(**values), "UTC")


def an_api_key(user: User, **fields: Any) -> api_keys_pb2.ApiKey:
    """The message of a key, with its secret."""
    return in_transaction(
        create_api_key, ApiKey(**{"user": user.name, "display_name": "A program", **fields})
    )


def principal_of(user: User) -> Principal:
    """The user as somebody who asks."""
    standing = standing_of(user.name)
    assert standing is not None, "the user may work"
    return Principal(
        user.name, user.name, standing.teams, standing.reach.teams, standing.reach.rights
    )
