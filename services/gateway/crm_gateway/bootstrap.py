"""The first administrator and the first API key: without them nobody could make any other."""

from crm.gateway.v1 import api_keys_pb2

from crm_chassis.kernel.errors import NotAllowed, Refusal
from crm_chassis.mongo import connection
from crm_chassis.mongo.migrations import require_schema
from crm_chassis.resources.transaction import Transaction, as_call
from crm_chassis.telemetry.context import own_call
from crm_gateway.api_keys.commands import create_api_key, rotate_api_key
from crm_gateway.api_keys.documents import ApiKey
from crm_gateway.api_keys.queries import find_current_key
from crm_gateway.roles.commands import hold_administrators
from crm_gateway.roles.rules import ADMINISTRATOR
from crm_gateway.settings import GatewaySettings
from crm_gateway.users.commands import create_user
from crm_gateway.users.documents import User
from crm_gateway.users.queries import find_by_email, is_administrator_besides, standing_of

EMAIL = "admin@example.com"
KEY = "Bootstrap"


def bootstrap(time_zone: str) -> str:
    """The bootstrap key of the first administrator; both are made when they are not there.

    A key that was made before cannot be told again, so it gets a new secret.

    Raises:
        NotAllowed: there is an administrator, but not the first one, or that one may not work.
    """
    return as_call(own_call("gateway", "bootstrap"), _give_key, time_zone).secret


def run(settings: GatewaySettings, migrations: str) -> str:
    """The same in a process of its own, once these migrations have run.

    Raises:
        SystemExit: it is refused; says why.
    """
    connection.connect(settings.need("mongodb_uri").mongodb_uri, settings.database_name)
    try:
        require_schema(migrations)
        return bootstrap(settings.time_zone)
    except Refusal as refusal:
        raise SystemExit(refusal.detail) from refusal
    finally:
        connection.disconnect()


def _give_key(tx: Transaction, time_zone: str) -> api_keys_pb2.ApiKey:
    hold_administrators(tx)
    user = find_by_email(EMAIL) or _make_administrator(tx, time_zone)
    if standing_of(user) is None:
        raise NotAllowed(f"{EMAIL} may not work.")
    key = find_current_key(user, KEY)
    if key is not None:
        return rotate_api_key(tx, key, "")
    return create_api_key(tx, ApiKey(user=user, display_name=KEY))


def _make_administrator(tx: Transaction, time_zone: str) -> str:
    if is_administrator_besides(""):
        raise NotAllowed(f"There are administrators, but {EMAIL} is none of the users any more.")
    user = User(display_name="Administrator", email=EMAIL, roles=[ADMINISTRATOR])
    return create_user(tx, user, time_zone).name
