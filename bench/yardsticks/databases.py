"""The work of a measure with pymongo, polars and pika alone."""

import io
import threading
import time
import uuid
from typing import Any

import pika
import polars as pl
from pymongo import MongoClient

from bench.load import CLIENTS

DATABASE = "bench_yardstick"
WINDOW = 500


def two_inserts(uri: str, seconds: float) -> float:
    """Transactions with two inserts per second, eight threads on one client."""
    with MongoClient(uri) as mongo:
        database = mongo[DATABASE]
        for name in ("documents", "events"):
            if name not in database.list_collection_names():
                database.create_collection(name)
        counts = [0] * CLIENTS
        end = time.perf_counter() + seconds

        def work(client: int) -> None:
            with mongo.start_session() as session:
                while time.perf_counter() < end:
                    session.with_transaction(lambda s: _insert_two(database, s))
                    counts[client] += 1

        started = time.perf_counter()
        threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - started)


def _insert_two(database: Any, session: Any) -> None:
    document = {
        "_id": str(uuid.uuid4()),
        "given_name": "Ann",
        "family_name": "Bench",
        "tags": ["a"],
    }
    database["documents"].insert_one(document, session=session)
    database["events"].insert_one(
        {"_id": str(uuid.uuid4()), "subject": document["_id"], "data": document}, session=session
    )


def parse_and_insert(uri: str, content: bytes) -> float:
    """Rows per second that polars parses and `insert_many` stores."""
    with MongoClient(uri) as mongo:
        mongo[DATABASE]["people"].drop()
        started = time.perf_counter()
        rows = pl.read_csv(io.BytesIO(content), infer_schema=False).to_dicts()
        mongo[DATABASE]["people"].insert_many(rows, ordered=False)
        took = time.perf_counter() - started
        mongo[DATABASE]["people"].drop()
        return len(rows) / took


def publish(uri: str, bodies: list[bytes], queues: int) -> float:
    """Messages per second that pika publishes, each to so many quorum queues, 500 unconfirmed."""
    name = f"bench-{uuid.uuid4().hex}"
    parameters = pika.URLParameters(uri)
    with pika.BlockingConnection(parameters) as admin:
        channel = admin.channel()
        channel.exchange_declare(name, "fanout")
        for number in range(queues):
            queue = f"{name}-{number}"
            channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_bind(queue, name)
        connection = pika.SelectConnection(parameters)
        run = _Publishing(connection, name, bodies)
        connection.add_on_open_callback(lambda _: connection.channel(on_open_callback=run.begin))
        connection.ioloop.start()
        for number in range(queues):
            channel.queue_delete(f"{name}-{number}")
        channel.exchange_delete(name)
    return len(bodies) / run.took


class _Publishing:
    """One run: publishes within the window, and stops the loop after the last confirm."""

    def __init__(
        self, connection: pika.SelectConnection, exchange: str, bodies: list[bytes]
    ) -> None:
        self.connection, self.exchange, self.bodies = connection, exchange, bodies
        self.sent = self.confirmed = 0
        self.started = self.took = 0.0

    def begin(self, channel: Any) -> None:
        self.channel = channel
        channel.confirm_delivery(self._confirm, lambda _: self._start())

    def _start(self) -> None:
        self.started = time.perf_counter()
        self._fill()

    def _fill(self) -> None:
        properties = pika.BasicProperties(delivery_mode=2)
        while self.sent < len(self.bodies) and self.sent - self.confirmed < WINDOW:
            body = self.bodies[self.sent]
            self.channel.basic_publish(self.exchange, "", body, properties, mandatory=True)
            self.sent += 1

    def _confirm(self, frame: Any) -> None:
        if not isinstance(frame.method, pika.spec.Basic.Ack):
            raise RuntimeError("the broker refused a message")
        tag = frame.method.delivery_tag
        self.confirmed = tag if frame.method.multiple else self.confirmed + 1
        if self.confirmed >= len(self.bodies):
            self.took = time.perf_counter() - self.started
            self._end()
        else:
            self._fill()

    def _end(self) -> None:
        self.connection.add_on_close_callback(lambda *_: self.connection.ioloop.stop())
        self.connection.close()
