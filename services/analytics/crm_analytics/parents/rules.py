"""Decisions about who owns what an event tells of."""

from collections.abc import Mapping
from typing import Any


def is_parent(subject: str, parent: str) -> bool:
    """Whether an event tells of a resource that decides itself who sees it."""
    return subject == parent


def ownership(collection: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """What a resource's JSON tells of its owner beside `owner` and `teams`.

    A user is its own owner. A resource that knows no owner at all, such as a team or a role, is
    seen by whoever may read its collection: it is not `owned`.
    """
    if collection == "users":
        return {"owned": True, "owner": data["name"]}
    return {"owned": "owner" in data or "user" in data}
