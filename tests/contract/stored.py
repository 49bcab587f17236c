"""What the services have stored, so that a test can tell whether anything changed."""

from typing import Any

from pymongo import MongoClient

from crm_chassis.testing.waiting import wait_until

DATABASES = ("crm_contacts", "crm_sales", "crm_service_desk", "crm_campaigns", "crm_gateway")
# What processes keep for themselves: it changes without anybody asking.
OWN_MATTERS = {
    "leases",
    "timers",
    "inbox",
    "sequences",
    "guards",
    "known",
    "secrets",
    "recipients",
    "said",
}
# When a key was last used is told beside its version.
NOTED = "api_keys"


class Stored:
    """Everything that is stored for others, as it is just now."""

    def __init__(self, uri: str) -> None:
        self._client: MongoClient[dict[str, Any]] = MongoClient(uri)

    def settled(self) -> dict[str, Any]:
        """A digest of each collection, once all that was asked for is done and published."""
        wait_until(self._is_settled, timeout=30, what="the end of what was asked for")
        return {name: self._digests(name) for name in DATABASES}

    def _is_settled(self) -> bool:
        unpublished = any(
            self._client[name]["events"].find_one({"pending": True}) for name in DATABASES
        )
        unfinished = self._client["crm_contacts"]["operations"].find_one({"done": False})
        return not unpublished and unfinished is None

    def _digests(self, name: str) -> dict[str, Any]:
        database = self._client[name]
        there = [known for known in database.list_collection_names() if known not in OWN_MATTERS]
        hashed = [known for known in there if known != NOTED]
        digests: dict[str, Any] = database.command("dbHash", collections=hashed)["collections"]
        if NOTED in there:
            digests[NOTED] = database[NOTED].count_documents({})
        return digests
