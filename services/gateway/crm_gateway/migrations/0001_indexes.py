"""The collections and indexes that the gateway starts with."""

from typing import TYPE_CHECKING, Any

from crm_chassis.mongo import indexes
from crm_gateway.api_keys.documents import ApiKey
from crm_gateway.roles.documents import Role
from crm_gateway.teams.documents import Team
from crm_gateway.users.documents import User

if TYPE_CHECKING:
    from pymongo.database import Database


def up(database: "Database[dict[str, Any]]") -> None:
    """Make what is missing."""
    indexes.create(database)
    for document in (User, Team, Role, ApiKey):
        document.ensure_indexes()
