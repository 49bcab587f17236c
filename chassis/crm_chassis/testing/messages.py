"""Events and messages for tests: builders, a look into the broker, a process of ours."""

import itertools
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pika
from pika.exceptions import AMQPError

from crm_chassis.events.envelope import CONTENT_TYPE, Event, from_cloudevent, to_cloudevent
from crm_chassis.events.topology import EXCHANGE
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.ids import new_id
from crm_chassis.resources.event_log import bucket_of
from crm_chassis.testing.processes import end_of
from crm_chassis.testing.waiting import PATIENCE, wait_until

QUORUM = {"x-queue-type": "quorum"}
_numbers = itertools.count(1)


def an_event(subject: str = "", sequence: int = 1, **changes: Any) -> Event:
    """An event of a contact; later ones are younger."""
    subject = subject or f"contacts/{new_id()}"
    event = Event(
        id=new_id(),
        source="/crm/contacts",
        type="crm.contacts.contact.updated.v1",
        subject=subject,
        time=now() + timedelta(milliseconds=sequence),
        sequence=sequence,
        customers=(subject,),
        parent=subject,
        paths=("givenName",),
        datahash="0" * 64,
        salt="0" * 32,
        actor="users/1",
        correlationid="request-1",
        causationid="request-1",
        traceparent=f"00-{'1' * 32}-{'2' * 16}-00",
        data={"name": subject, "givenName": "Zoë"},
    )
    return replace(event, **changes)


def versions(subjects: int, each: int) -> list[Event]:
    """`each` versions of so many contacts, in the order in which they happened."""
    names = [f"contacts/{new_id()}" for _ in range(subjects)]
    return [an_event(name, number) for number in range(1, each + 1) for name in names]


def in_parts(events: list[Event], size: int) -> Iterator[list[Event]]:
    """The events, so many at a time."""
    for begin in range(0, len(events), size):
        yield events[begin : begin + size]


def commit(database: Any, *events: Event) -> None:
    """Put events into the log as commands do."""
    rows = [
        {**event.to_row(), "bucket": bucket_of(event.subject), "pending": True} for event in events
    ]
    database["events"].insert_many(rows)


@dataclass
class Broker:
    """A look into the broker, and a hand in it."""

    uri: str
    made: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        parameters = pika.URLParameters(self.uri)
        # A test that waits for something else for minutes answers no heartbeat.
        parameters.heartbeat = 0
        parameters.socket_timeout = parameters.stack_timeout = PATIENCE
        self.channel = pika.BlockingConnection(parameters).channel()
        self.channel.exchange_declare(EXCHANGE, "topic", durable=True)
        self.channel.confirm_delivery()

    def queue(self, pattern: str = "crm.#") -> str:
        """A new queue that takes what matches."""
        name = f"test.{next(_numbers)}"
        self.channel.queue_declare(name, durable=True, arguments=QUORUM)
        self.channel.queue_bind(name, EXCHANGE, pattern)
        self.made.add(name)
        return name

    def publish(self, *events: Event) -> None:
        for event in events:
            self.send(EXCHANGE, event.type, to_cloudevent(event), message_id=event.id)

    def send(self, exchange: str, key: str, body: bytes, **properties: Any) -> None:
        """Publish bytes; whether a queue takes them is not asked."""
        told = {"content_type": CONTENT_TYPE, "delivery_mode": 2, **properties}
        self.channel.basic_publish(exchange, key, body, pika.BasicProperties(**told))

    def take(self, queue: str, count: int, timeout: float = PATIENCE) -> list[Event]:
        """All messages of a queue, at least `count`, as events.

        Raises:
            TimeoutError: there are not so many.
        """
        found: list[Event] = []
        end = time.monotonic() + timeout
        for method, _, body in self.channel.consume(queue, auto_ack=True, inactivity_timeout=0.1):
            if method is not None:
                found.append(from_cloudevent(body))
            elif len(found) >= count or time.monotonic() > end:
                break
        self.channel.cancel()
        if len(found) < count:
            raise TimeoutError(f"{len(found)} of {count} messages in {queue} after {timeout} s")
        return found

    def messages(self, queue: str) -> list[tuple[pika.BasicProperties, bool, bytes]]:
        """What lies in a queue, with whether it was delivered before; it lies there no more."""
        found: list[tuple[pika.BasicProperties, bool, bytes]] = []
        while True:
            method, properties, body = self.channel.basic_get(queue, auto_ack=True)
            if method is None:
                return found
            found.append((properties, method.redelivered, body))

    def ready(self, queue: str) -> int:
        """How many messages wait in a queue."""
        return int(self.channel.queue_declare(queue, passive=True).method.message_count)

    def close(self) -> None:
        """Delete what was made here; the broker may be gone by now."""
        with suppress(AMQPError):
            for name in self.made:
                self.channel.queue_delete(name)
            self.channel.connection.close()


@dataclass
class Process:
    """A process of ours, by its address."""

    running: subprocess.Popen[bytes]
    address: str
    log: Path

    def ready(self) -> "Process":
        """The process, once it is ready."""
        wait_until(self.is_ready, what=f"readiness; {end_of(self.log)}")
        return self

    def is_ready(self) -> bool:
        return self.answer("/readyz")[0] == 200

    def answer(self, path: str) -> tuple[int, str]:
        try:
            with urlopen(f"http://{self.address}{path}", timeout=30) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all labels but those told."""
        lines = [line for line in self.answer("/metrics")[1].splitlines() if line[:1] != "#"]
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.partition("{")[0] == name and all(one in line for one in wanted)
        )

    def stop(self, grace: float = PATIENCE) -> int:
        """Ask it to end; gives its exit code."""
        self.running.terminate()
        return self.running.wait(grace)

    def kill(self) -> None:
        self.running.kill()
        self.running.wait()
