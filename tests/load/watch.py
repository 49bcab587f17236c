"""What may not grow while a load goes on: memory, file handles, queues, collections."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression
from typing import Any

import pika
from observability.scrapes import scrape_all
from pymongo import MongoClient

from crm_chassis.testing.suite import Suite
from stack.programs import processes

PAGE = os.sysconf("SC_PAGE_SIZE")
MEBIBYTE = 2**20
# Kept for ever, by promise: what the suite is there for, what was told, and what is known of it.
KEPT = frozenset(
    {
        *("contacts", "interactions", "deals", "cases", "messages", "claims"),
        *("events", "receipts", "journal", "ledger_minutes"),
        *("known", "recipients", "sequences", "engagements", "open_spans", "kpi_values"),
    }
)
# As many as there are pipelines, open cases, and kinds of things that are numbered.
BOUNDED = frozenset({"guards", "timers", "numbers"})


@dataclass
class Watch:
    """Samples of every process of the suite, by its name."""

    suite: Suite
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    handles: dict[str, list[int]] = field(default_factory=dict)

    def look(self) -> None:
        """Take a sample of each: resident memory in MiB, and open files."""
        moment, pids = time.monotonic() / 60, self.suite.pids
        for process in processes():
            place = Path("/proc", str(pids[process]))
            pages = int((place / "statm").read_text(encoding="ascii").split()[1])
            self.memory.setdefault(process, []).append((moment, pages * PAGE / MEBIBYTE))
            self.handles.setdefault(process, []).append(len(list((place / "fd").iterdir())))

    def slopes(self) -> dict[str, float]:
        """How many MiB a minute each process has grown by."""
        return {
            process: linear_regression(*zip(*samples, strict=True)).slope
            for process, samples in self.memory.items()
        }

    def handle_growth(self) -> dict[str, int]:
        """By how many open files each ended above the most of its first half."""
        halves = {
            process: (counts[: len(counts) // 2], counts[len(counts) // 2 :])
            for process, counts in self.handles.items()
        }
        return {process: min(second) - max(first) for process, (first, second) in halves.items()}


def unbounded(suite: Suite, before: Mapping[str, int]) -> dict[str, int]:
    """The collections that have grown since, that nothing bounds and nobody promised to keep."""
    with _open(suite) as mongo:
        return {
            place: count - before.get(place, 0)
            for place, count in _sizes(mongo).items()
            if count > before.get(place, 0)
            and place.partition(".")[2] not in KEPT | BOUNDED
            and not _expires(mongo, place)
        }


def queued(suite: Suite) -> dict[str, int]:
    """How many messages wait in each queue that is not empty, dead letters included."""
    connection = pika.BlockingConnection(pika.URLParameters(suite.env["CRM_RABBITMQ_URI"]))
    try:
        channel = connection.channel()
        counts = {
            queue: channel.queue_declare(queue, passive=True).method.message_count
            for queue in _queues(suite)
        }
    finally:
        connection.close()
    return {queue: count for queue, count in counts.items() if count}


def _queues(suite: Suite) -> set[str]:
    return {
        sample.labels["consumer"]
        for scrape in scrape_all(suite).values()
        if "crm_consumer_inflight" in scrape
        for sample in scrape["crm_consumer_inflight"].samples
    }


def sizes(suite: Suite) -> dict[str, int]:
    """How many documents each collection of the suite has, by `database.collection`."""
    with _open(suite) as mongo:
        return _sizes(mongo)


@contextmanager
def _open(suite: Suite) -> Iterator["MongoClient[dict[str, Any]]"]:
    with MongoClient[dict[str, Any]](suite.env["CRM_MONGODB_URI"]) as mongo:
        yield mongo


def _sizes(mongo: "MongoClient[dict[str, Any]]") -> dict[str, int]:
    return {
        f"{name}.{collection}": mongo[name][collection].estimated_document_count()
        for name in mongo.list_database_names()
        if name.startswith("crm_")
        for collection in mongo[name].list_collection_names()
    }


def _expires(mongo: "MongoClient[dict[str, Any]]", place: str) -> bool:
    name, _, collection = place.partition(".")
    indexes = mongo[name][collection].index_information().values()
    return any("expireAfterSeconds" in index for index in indexes)
