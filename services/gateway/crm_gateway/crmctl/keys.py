"""`crmctl keys`: API keys: make one, end one, see which there are."""

import argparse
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from crm_gateway.crmctl import codes
from crm_gateway.crmctl.client import Client, Json
from crm_gateway.crmctl.terminal import complain, say, show_table
from crm_gateway.crmctl.usage import add_command, add_group

if TYPE_CHECKING:
    from crm_gateway.crmctl.usage import Commands

COLLECTION = "apiKeys"
_DAYS = re.compile(r"(\d{1,5})d")


def add_commands(commands: "Commands") -> None:
    """Declare `keys`."""
    group = add_group(commands, "keys", "API keys: how programs show for whom they ask.")
    about = "Make a key with the rights of a user. Its secret is shown now and never again."
    examples = (
        'crmctl keys create --user ann@example.com --name "Nightly export"\n'
        'crmctl keys create --user users/0190b0c4-... --name "Trade fair" --expires 30d'
    )
    parser = add_command(group, "create", create_key, about, examples)
    parser.add_argument("--user", required=True, help="the user's name or e-mail address")
    parser.add_argument("--name", required=True, help="what the key is for")
    parser.add_argument("--expires", type=_moment, metavar="WHEN", help="30d, or 2027-01-31")
    about = "End a key for good."
    parser = add_command(group, "revoke", revoke_key, about, "crmctl keys revoke apiKeys/0190...")
    parser.add_argument("key", type=_name, metavar="KEY", help="as `keys list` names it")
    about = "List the keys, without their secrets."
    parser = add_command(group, "list", list_keys, about, "crmctl keys list --all")
    parser.add_argument("--all", action="store_true", help="also those that count no longer")


def create_key(client: Client, asked: argparse.Namespace) -> int:
    """The key's name and its secret."""
    user = asked.user if asked.user.startswith("users/") else _user_with(client, asked.user)
    if not user:
        complain(f"error: there is no user with the address {asked.user}")
        return codes.REFUSED
    body = {"user": user, "displayName": asked.name}
    if asked.expires:
        body["expireTime"] = asked.expires
    made = client.post(f"/v1/{COLLECTION}", body)
    say(made["secret"])
    complain(f"{made['name']}: keep the secret, it is not shown again.")
    return codes.OK


def revoke_key(client: Client, asked: argparse.Namespace) -> int:
    """The key counts no longer."""
    revoked = client.post(f"/v1/{asked.key}:revoke", {})
    say(f"{revoked['name']} is revoked.")
    return codes.OK


def list_keys(client: Client, asked: argparse.Namespace) -> int:
    """A line for each."""
    keys = [
        key
        for page in client.pages(f"/v1/{COLLECTION}", pageSize=1000)
        for key in page.get(COLLECTION, ())
        if asked.all or _counts(key)
    ]
    rows = [
        (
            key["name"],
            key.get("displayName", ""),
            key.get("user", ""),
            key.get("lastUseTime", "never"),
            f"revoked {key['revokeTime']}" if key.get("revokeTime") else key.get("expireTime", ""),
        )
        for key in keys
    ]
    show_table(("NAME", "FOR", "USER", "LAST USE", "ENDS"), rows)
    return codes.OK


def _counts(key: Json) -> bool:
    """Whether it is neither revoked nor expired."""
    ends = key.get("expireTime")
    is_over = ends and datetime.fromisoformat(ends) <= datetime.now(UTC)
    return not (key.get("revokeTime") or is_over)


def _user_with(client: Client, address: str) -> str:
    # A string of a filter is quoted as JSON quotes it.
    found = client.get("/v1/users", filter=f"email = {json.dumps(address)}", pageSize=1)
    return next((str(user["name"]) for user in found.get("users", ())), "")


def _moment(text: str) -> str:
    days = _DAYS.fullmatch(text)
    try:
        moment = (
            datetime.now(UTC) + timedelta(days=int(days[1]))
            if days
            else datetime.fromisoformat(text)
        )
    except (ValueError, OverflowError):
        said = f"{text!r} is neither days (30d) nor a day (2027-01-31)"
        raise argparse.ArgumentTypeError(said) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def _name(text: str) -> str:
    return text if text.startswith(f"{COLLECTION}/") else f"{COLLECTION}/{text}"
