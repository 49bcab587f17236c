"""Every measure of the table, taken on one running stack."""

import itertools
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import orjson
from pymongo import MongoClient

from bench import scenes
from bench.idle import cpu_percent, memory_of
from bench.load import CLIENTS, Connection, Target, rate
from bench.measure import Measure
from bench.stack import BenchStack
from bench.yardsticks import databases
from crm_chassis.kernel.ids import new_id
from crm_chassis.resources.event_log import bucket_of
from crm_chassis.testing.suite import Client
from crm_chassis.testing.waiting import wait_until

SECONDS = 3.0
# What contacts and analytics tell.
TWO_SERVICES = "profile,relationships,consents,interactions,insights,timeline"
POSTS = 1_500
EVENTS = 20_000
IMPORTED = 100_000
FOLLOWED = 30_000
# MiB
IDLE_MEMORY = {
    "contacts/relay": 60,
    "analytics/consumer": 95,
    "contacts/worker": 95,
    "contacts/api": 110,
    "gateway/api": 120,
}
CHANGES_PER_SECOND = 100
CHANGE_SECONDS = 6
# More than can arrive between two looks.
LATEST = 200


@dataclass(frozen=True)
class Bench:
    """A running stack, and who asks it."""

    stack: BenchStack
    one_service: Target
    two_services: Target

    @property
    def target(self) -> Target:
        env = self.stack.suite.env
        return Target(env["CRM_URL"], env["CRM_API_KEY"])

    @property
    def client(self) -> Client:
        return self.stack.suite.client()

    @property
    def mongodb(self) -> str:
        return self.stack.suite.env["CRM_MONGODB_URI"]

    # Reading

    def views(self, customers: Sequence[str]) -> float:
        """Customer views per second."""
        views = [f"/v1/{name}:customerView?sections={TWO_SERVICES}" for name in customers]
        requests = self._gets(views)
        return rate(self.target, lambda number: requests[number % len(requests)], SECONDS)

    def reads(self, customers: Sequence[str]) -> float:
        """Contacts read per second."""
        requests = self._gets([f"/v1/{name}" for name in customers])
        return rate(self.target, lambda number: requests[number % len(requests)], SECONDS)

    def _gets(self, paths: Sequence[str]) -> list[bytes]:
        return [self.target.request("GET", path) for path in paths]

    # Writing

    def posts(self) -> float:
        """Contacts made per second while nothing carries their events on."""
        bodies, lock = scenes.contact_bodies(), threading.Lock()

        def request(_number: int) -> bytes:
            with lock:
                return self.target.request("POST", "/v1/contacts", next(bodies))

        with self.stack.held("relay", "consumer"):
            found = rate(self.target, request, SECONDS)
        scenes.drained(self.stack)
        return found

    def posts_until_seen(self) -> float:
        """Contacts made per second until the timeline of the last one shows it."""
        bodies = list(itertools.islice(scenes.contact_bodies(), POSTS))
        started = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            names = list(pool.map(self._post_all, [bodies[n::CLIENTS] for n in range(CLIENTS)]))
        client = self.client
        for name in names:
            wait_until(lambda n=name: client.get(f"/v1/{n}:timeline").status == 200, 60, 0.005)
        return POSTS / (time.perf_counter() - started)

    def _post_all(self, bodies: Sequence[bytes]) -> str:
        """Post one after the other; the name of the last one."""
        connection, name = Connection(self.target), ""
        for body in bodies:
            status, answer = connection.ask(self.target.request("POST", "/v1/contacts", body))
            if status != 200:
                raise RuntimeError(f"{status} {answer!r}")
            name = orjson.loads(answer)["name"]
        connection.close()
        return name

    def change_to_timeline(self) -> float:
        """Milliseconds from the answer to a change until the journal has it, 99th percentile."""
        answered: dict[str, float] = {}
        bodies = scenes.contact_bodies()
        lock = threading.Lock()
        begin = time.perf_counter()

        def change(number: int) -> None:
            time.sleep(max(0.0, begin + number / CHANGES_PER_SECOND - time.perf_counter()))
            with lock:
                body = next(bodies)
            connection = connections[number % CLIENTS]
            with guards[number % CLIENTS]:
                _, answer = connection.ask(self.target.request("POST", "/v1/contacts", body))
            answered[orjson.loads(answer)["name"]] = time.perf_counter()

        connections = [Connection(self.target) for _ in range(CLIENTS)]
        guards = [threading.Lock() for _ in range(CLIENTS)]
        total = CHANGES_PER_SECOND * CHANGE_SECONDS
        with _Watch(self.mongodb) as watch, ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(change, range(total)))
            wait_until(lambda: answered.keys() <= watch.seen.keys(), timeout=30)
        for connection in connections:
            connection.close()
        waits = sorted(max(0.0, watch.seen[name] - at) for name, at in answered.items())
        return waits[int(len(waits) * 0.99)] * 1000

    # Events

    def relayed(self) -> float:
        """Events per second that the relay carries from the log to the broker."""
        with self.stack.held("consumer"), MongoClient(self.mongodb, tz_aware=True) as mongo:
            events = mongo["crm_contacts"]["events"]
            copies = list(self._copies(events.find_one(sort=[("time", -1)])))
            with self.stack.held("relay"):
                events.insert_many(copies)
            started = time.perf_counter()
            wait_until(lambda: not scenes.is_pending(events), 300, 0.01)
            found = EVENTS / (time.perf_counter() - started)
        scenes.drained(self.stack)
        self._forget([copy["_id"] for copy in copies])
        return found

    def _forget(self, ids: list[str]) -> None:
        """Take away events that nobody was promised: the ledger would ask for them all day."""
        with MongoClient(self.mongodb) as mongo:
            for place in (mongo["crm_contacts"]["events"], mongo["crm_analytics"]["journal"]):
                place.delete_many({"_id": {"$in": ids}})

    def published_alone(self) -> float:
        """Messages per second of the same size that pika alone publishes."""
        with MongoClient(self.mongodb) as mongo:
            row = mongo["crm_contacts"]["events"].find_one({}, sort=[("time", -1)])
        assert row is not None
        body = orjson.dumps(row, default=str)
        broker = self.stack.suite.env["CRM_RABBITMQ_URI"]
        return databases.publish(broker, [body] * EVENTS, len(scenes.QUEUES))

    @staticmethod
    def _copies(row: Any) -> Iterator[dict[str, Any]]:
        for _ in range(EVENTS):
            subject = f"contacts/{new_id()}"
            copy = {**row, "_id": new_id(), "subject": subject, "parent": subject}
            copy |= {"bucket": bucket_of(subject), "customers": [subject], "pending": True}
            copy.pop("published", None)
            yield copy

    # Imports

    def imported(self) -> float:
        """Rows per second until the import of a file has ended, its events not carried on."""
        with self.stack.held("relay", "consumer"):
            found = self._import(IMPORTED, until_seen=False)
        scenes.drained(self.stack)
        return found

    def imported_until_seen(self) -> float:
        """Rows per second until all are in the timeline, with everything running."""
        return self._import(FOLLOWED, until_seen=True)

    def parsed_and_inserted(self) -> float:
        """Rows per second that polars parses and pymongo inserts."""
        return databases.parse_and_insert(self.mongodb, scenes.contacts_file(IMPORTED, "y"))

    def _import(self, rows: int, *, until_seen: bool) -> float:
        content = scenes.contacts_file(rows, uuid.uuid4().hex[:8])
        client = self.client
        started = time.perf_counter()
        operation = scenes.import_contacts(client, content)
        scenes.wait_for_operation(client, operation, rows, 600)
        if until_seen:
            scenes.drained(self.stack)
        return rows / (time.perf_counter() - started)


class _Watch:
    """Notes when each contact's first event is in the journal."""

    def __init__(self, uri: str) -> None:
        self.seen: dict[str, float] = {}
        self._uri = uri
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        with MongoClient(self._uri, tz_aware=True) as mongo:
            journal = mongo["crm_analytics"]["journal"]
            newest = journal.find_one(sort=[("_id", -1)])
            last = newest["_id"] if newest else ""
            while not self._stop.wait(0.005):
                newer = journal.find({"_id": {"$gt": last}}, {"subject": 1})
                for row in newer.sort("_id", -1).limit(LATEST):
                    self.seen.setdefault(row["subject"], time.perf_counter())


def measures(bench: Bench, up_seconds: Sequence[float]) -> Iterator[Measure]:
    """The table's lines, in its order."""
    yield from _idle(bench)
    customers = [scenes.a_customer(bench.client) for _ in range(CLIENTS)]
    yield from _requests(bench, customers)
    yield from _events(bench)
    yield from _imports(bench)
    remaining = iter(up_seconds)
    yield Measure(
        "make up, everything installed",
        "s",
        lambda: next(remaining),
        at_least=25,
        aim=15,
        lower_is_better=True,
    )


def _idle(bench: Bench) -> Iterator[Measure]:
    for process, most in IDLE_MEMORY.items():
        yield Measure(
            f"idle memory of {process}",
            "MiB",
            lambda name=process: memory_of(bench.stack, name),
            at_least=most,
            lower_is_better=True,
        )
    yield Measure(
        "idle CPU of everything",
        "% of a core",
        lambda: cpu_percent(bench.stack),
        at_least=20,
        aim=8,
        lower_is_better=True,
    )


def _requests(bench: Bench, customers: Sequence[str]) -> Iterator[Measure]:
    one, two = bench.one_service, bench.two_services
    yield Measure(
        "customer views of two services",
        "1/s",
        lambda: bench.views(customers),
        "two empty gRPC servers in parallel behind a bare Flask route",
        lambda: rate(two, lambda _: two.request("GET", "/"), SECONDS),
        at_least=0.35,
        aim=0.6,
    )
    yield Measure(
        "contacts posted, relays and consumers held",
        "1/s",
        bench.posts,
        "pymongo: one transaction with two inserts, 8 threads",
        lambda: databases.two_inserts(bench.mongodb, SECONDS),
        at_least=0.35,
        aim=0.45,
    )
    yield Measure(
        "contacts posted until the timeline shows the last",
        "1/s",
        bench.posts_until_seen,
        aim=200,
    )
    yield Measure(
        "contacts read",
        "1/s",
        lambda: bench.reads(customers),
        "one empty gRPC server behind a bare Flask route",
        lambda: rate(one, lambda _: one.request("GET", "/"), SECONDS),
        at_least=0.5,
        aim=0.75,
    )


def _events(bench: Bench) -> Iterator[Measure]:
    yield Measure(
        "events relayed",
        "1/s",
        bench.relayed,
        "pika alone, 500 unconfirmed, into as many queues",
        bench.published_alone,
        at_least=0.4,
        aim=0.7,
    )
    yield Measure(
        "commit to timeline, p99 at 100 changes/s",
        "ms",
        bench.change_to_timeline,
        at_least=500,
        aim=150,
        lower_is_better=True,
    )


def _imports(bench: Bench) -> Iterator[Measure]:
    yield Measure(
        "rows imported, relays and consumers held",
        "1/s",
        bench.imported,
        "polars parse and insert_many",
        bench.parsed_and_inserted,
        at_least=0.1,
        aim=0.2,
    )
    yield Measure(
        "rows imported until all are in the timeline",
        "1/s",
        bench.imported_until_seen,
        at_least=600,
        aim=1500,
    )
