"""Reads of API keys."""

from dataclasses import dataclass
from datetime import datetime

from crm_gateway.api_keys.documents import ApiKey


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What decides whether a key counts, and for whom it asks."""

    user: str
    digest: str
    expire_time: datetime | None
    is_revoked: bool


def find_key(key_id: str) -> StoredKey | None:
    """The key with this id; None when there is none."""
    row = ApiKey.rows().find_one(
        {"_id": key_id}, {"user": 1, "secret_digest": 1, "expire_time": 1, "revoke_time": 1}
    )
    if row is None:
        return None
    return StoredKey(
        row["user"], row["secret_digest"], row.get("expire_time"), "revoke_time" in row
    )


def find_current_key(user: str, display_name: str) -> str | None:
    """The name of the user's newest key of that display name that was not revoked."""
    condition = {"user": user, "display_name": display_name, "revoke_time": None}
    row = ApiKey.rows().find_one(condition, {"_id": 1}, sort=[("_id", -1)])
    return f"apiKeys/{row['_id']}" if row is not None else None
