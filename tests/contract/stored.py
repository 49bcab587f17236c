"""What the services have stored, so that a test can tell whether anything changed."""

from typing import Any

import pika
from faults.processes import metric
from pymongo import MongoClient

from crm_chassis.testing.suite import Suite
from crm_chassis.testing.waiting import wait_until
from events_doc import subscriptions_of
from stack.layout import ROOT

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
SUBSCRIPTIONS = tuple(subscriptions_of(ROOT / "services"))
# When a key was last used is told beside its version.
NOTED = "api_keys"


class Stored:
    """Everything that is stored for others, as it is just now."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._broker = pika.URLParameters(suite.env["CRM_RABBITMQ_URI"])
        self._client: MongoClient[dict[str, Any]] = MongoClient(suite.env["CRM_MONGODB_URI"])
        self._settled: dict[str, Any] | None = None

    def settled(self) -> dict[str, Any]:
        """The same, once all that was asked for is done, published and taken up."""
        if self._settled is None or self.digests() != self._settled:
            wait_until(self._is_done, what="the end of what was asked for")
            wait_until(self._is_taken_up, what="the end of what follows from it")
            self._settled = self.digests()
        return self._settled

    def digests(self) -> dict[str, Any]:
        """A digest of each collection."""
        return {name: self._digests(name) for name in DATABASES}

    def _is_done(self) -> bool:
        unpublished = any(
            self._client[name]["events"].find_one({"pending": True}) for name in DATABASES
        )
        unfinished = self._client["crm_contacts"]["operations"].find_one({"done": False})
        return not unpublished and unfinished is None

    def _is_taken_up(self) -> bool:
        """Whether no event waits in a queue, and no consumer is busy with one."""
        with pika.BlockingConnection(self._broker) as broker:
            channel = broker.channel()
            for queue in {one.queue for one in SUBSCRIPTIONS}:
                if channel.queue_declare(queue, passive=True).method.message_count:
                    return False
        consumers = {f"{one.service}/consumer" for one in SUBSCRIPTIONS}
        return not any(metric(self._suite, name, "crm_consumer_inflight") for name in consumers)

    def _digests(self, name: str) -> dict[str, Any]:
        database = self._client[name]
        there = [known for known in database.list_collection_names() if known not in OWN_MATTERS]
        hashed = [known for known in there if known != NOTED]
        digests: dict[str, Any] = database.command("dbHash", collections=hashed)["collections"]
        if NOTED in there:
            digests[NOTED] = database[NOTED].count_documents({})
        return digests
