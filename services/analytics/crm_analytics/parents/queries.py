"""Who sees what: rights of today on the owners of today."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from crm_chassis.kernel.errors import NotFound
from crm_chassis.kernel.ids import collection_of
from crm_chassis.mongo.connection import database
from crm_chassis.resources.known import KNOWN
from crm_chassis.resources.visibility import owner_condition
from crm_chassis.telemetry.context import Principal

Row = dict[str, Any]


def require_customer(name: str, principal: Principal, show_deleted: bool = False) -> Row:
    """What is known of a contact or an organization that the principal may see.

    Raises:
        NotFound: nothing is, it was deleted, or it may not be seen.
    """
    row = database()[KNOWN].find_one({"_id": name, **reach(principal, collection_of(name))})
    if row is None or (row["deleted"] and not show_deleted):
        raise NotFound(f"There is no {name}.")
    return row


def hidden_parents(names: Iterable[str], principal: Principal) -> set[str]:
    """Those of the resources that the principal may not see, deleted ones seen like others."""
    hidden: set[str] = set()
    for collection, some in _by_collection(names).items():
        if not sees_all(principal, collection):
            wanted = {"_id": {"$in": sorted(some)}, **reach(principal, collection)}
            seen = database()[KNOWN].find(wanted, {"_id": 1})
            hidden |= some - {row["_id"] for row in seen}
    return hidden


class Sight:
    """What one principal sees; `met` are the parents that it depended on, `hidden` those not seen.

    Of whom the principal sees every one nothing depends on.
    """

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.met: set[str] = set()
        self.hidden: set[str] = set()

    def hides(self, parents: Iterable[str]) -> set[str]:
        """Those of the parents that the principal does not see."""
        asked = {name for name in parents if not sees_all(self.principal, collection_of(name))}
        hidden = hidden_parents(asked, self.principal)
        self.met |= asked
        self.hidden |= hidden
        return hidden

    def still_holds(self) -> bool:
        """Whether the principal sees, and does not see, the same parents as before."""
        return hidden_parents(self.met, self.principal) == self.hidden


def sees_all(principal: Principal, collection: str) -> bool:
    """Whether the principal sees every resource of the collection, whoever owns it."""
    return principal.level(collection, "READ") == "ALL"


def may_read(principal: Principal, collection: str) -> bool:
    """Whether the principal may read anything of the collection."""
    return principal.level(collection, "READ") is not None


def reach(principal: Principal, collection: str) -> Row:
    """The condition for what the principal may see of a collection."""
    level = principal.level(collection, "READ")
    if level is None:
        return {"_id": {"$in": []}}
    if level == "ALL":
        return {}
    return {"$or": [{"owned": False}, owner_condition(principal, level)]}


def _by_collection(names: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for name in names:
        found[collection_of(name)].add(name)
    return found
