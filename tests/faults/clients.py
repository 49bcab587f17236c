"""Clients at work that do not give up: what gets no answer is asked again until it has one."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from threading import Event, Lock, Thread
from typing import Any

from crm_chassis.testing.suite import Answer, Client, Suite
from crm_chassis.testing.waiting import wait_until

# How long one try may take, and one wish with all its tries.
PATIENCE, UNTIL = 30.0, 240.0
AGAIN = {429, 503, 504}
AGAIN_REASONS = {"CONFLICT", "IDEMPOTENCY_KEY_IN_USE"}
CLIENTS = 4
IMPORTED, ONE_BAD_OF = 2_000, 200


@dataclass
class Accepted:
    """What clients were told: each resource by name, with the version that it is at."""

    versions: dict[str, int] = field(default_factory=dict)
    answers: int = 0
    repeated: int = 0
    _lock: Lock = field(default_factory=Lock)

    def keep(self, resource: Mapping[str, Any]) -> None:
        """Take note of a resource as it was answered."""
        with self._lock:
            self.versions[resource["name"]] = int(resource["etag"].strip('"'))

    def expect(self, resource: Mapping[str, Any], version: int) -> None:
        """Take note of a version that somebody else will make."""
        with self._lock:
            self.versions[resource["name"]] = version

    def count(self, tries: int) -> None:
        """Take note of an answer that took so many tries."""
        with self._lock:
            self.answers += 1
            self.repeated += tries > 1


@dataclass
class Insisting:
    """A client whose wishes are answered in the end."""

    client: Client
    accepted: Accepted

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make a resource, once, whatever becomes of single tries."""
        key = uuid.uuid4().hex
        answer, _ = self._insist(lambda: self.client.post(path, body, Idempotency_Key=key))
        resource = answer.ok()
        self.accepted.keep(resource)
        return dict(resource)

    def change(self, resource: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """Change a resource from the version that is known to the next one."""
        name, etag = resource["name"], resource["etag"]
        answer, tries = self._insist(lambda: self.client.patch(name, changes, etag))
        was_done = answer.status == 412 and tries > 1  # by a try that got no answer
        changed = self.get(name) if was_done else answer.ok()
        assert {field: changed[field] for field in changes} == changes
        assert int(changed["etag"].strip('"')) == int(etag.strip('"')) + 1
        self.accepted.keep(changed)
        return dict(changed)

    def act(self, resource: Mapping[str, Any], verb: str) -> dict[str, Any]:
        """Let something become of a resource, once."""
        key = uuid.uuid4().hex
        path = f"/v1/{resource['name']}:{verb}"
        answer, _ = self._insist(lambda: self.client.post(path, {}, Idempotency_Key=key))
        self.accepted.keep(answer.ok())
        return dict(answer.ok())

    def upload(self, path: str, parts: Mapping[str, bytes]) -> dict[str, Any]:
        """Start an operation with a file, once."""
        key = uuid.uuid4().hex
        answer, _ = self._insist(lambda: self.client.upload(path, parts, Idempotency_Key=key))
        return dict(answer.ok())

    def get(self, path: str, **query: Any) -> Any:
        """Read something."""
        return self._insist(lambda: self.client.get(f"/v1/{path}", **query))[0].ok()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Ask for something that may be asked again."""
        return self._insist(lambda: self.client.post(f"/v1/{path}", body))[0].ok()

    def _insist(self, ask: Callable[[], Answer]) -> tuple[Answer, int]:
        """The answer, and how many tries it took."""
        end, tries = time.monotonic() + UNTIL, 0
        while True:
            tries += 1
            answer = _asked(ask)
            if answer is not None and not _is_passing(answer):
                self.accepted.count(tries)
                return answer, tries
            told = answer.content[:300] if answer is not None else b"nothing"
            assert time.monotonic() < end, f"no answer after {tries} tries, the last was {told!r}"
            time.sleep(0.1)


def insisting(
    suite: Suite, accepted: Accepted | None = None, patience: float = PATIENCE
) -> Insisting:
    """A client with an administrator's key."""
    client = suite.client()
    client.timeout = patience
    return Insisting(client, accepted or Accepted())


def _asked(ask: Callable[[], Answer]) -> Answer | None:
    try:
        return ask()
    except (OSError, HTTPException):
        return None


def _is_passing(answer: Answer) -> bool:
    if answer.status in AGAIN:
        assert "retry-after" in answer.headers or answer.status == 504
        return True
    return answer.status == 409 and answer.body["reason"] in AGAIN_REASONS


class Crowd:
    """Several clients who work at once, each in a thread, until they are stopped."""

    def __init__(self, suite: Suite, word: str) -> None:
        self.word, self.accepted = word, Accepted()
        self._suite = suite
        self._stopping = Event()
        self._failures: list[BaseException] = []
        work = [self._look_after_customers] * CLIENTS + [self._look_after_teams]
        self._threads = [Thread(target=self._until_stopped, args=(each,)) for each in work]

    @contextmanager
    def at_work(self) -> Iterator["Crowd"]:
        """Work within the block, and finish what is begun."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            for thread in self._threads:
                thread.join(UNTIL)

    def stop(self) -> None:
        """Finish what is begun, and begin no more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(UNTIL)
        assert not [thread for thread in self._threads if thread.is_alive()]
        self.check()

    def work_on(self, seconds: float) -> None:
        """Let it work, at least so long and until so many answers came as show that it does."""
        self.check()
        end, before = time.monotonic() + seconds, self.accepted.answers
        wait_until(lambda: self._failures or time.monotonic() > end, UNTIL, 0.05)
        wait_until(
            lambda: self._failures or self.accepted.answers > before + CLIENTS, UNTIL, 0.05, "work"
        )
        self.check()

    def check(self) -> None:
        """Do nothing while everybody works.

        Raises:
            AssertionError: somebody was told what nobody may be told.
        """
        if self._failures:
            raise self._failures[0]

    def client(self) -> Insisting:
        """One more of them, for the test itself."""
        return insisting(self._suite, self.accepted)

    def _until_stopped(self, work: Callable[[Insisting], None]) -> None:
        client = self.client()
        try:
            while not self._stopping.is_set():
                work(client)
        except BaseException as error:  # noqa: BLE001 - the test is told of it
            self._failures.append(error)

    def _look_after_customers(self, client: Insisting) -> None:
        contact = client.create("/v1/contacts", {"givenName": "Ann", "familyName": self.word})
        for channel in ("PHONE", "EMAIL"):
            said = {"channel": channel, "direction": "INBOUND", "subject": self.word}
            client.create(f"/v1/{contact['name']}/interactions", said)
        contact = client.change(contact, lifecycleStage="LEAD")
        consent = {"purpose": "news", "channel": "EMAIL", "state": "GRANTED"}
        client.create(f"/v1/{contact['name']}/consents", consent)
        client.change(contact, lifecycleStage="CUSTOMER", tags=[uuid.uuid4().hex])
        self._sell(client)
        self._serve(client)

    def _serve(self, client: Insisting) -> None:
        """Open a case for somebody, hear more of it, and resolve it."""
        case = client.create("/v1/cases", {"subject": self.word})
        client.create(f"/v1/{case['name']}/messages", {"kind": "CUSTOMER", "body": self.word})
        client.act(case, "resolve")

    def _sell(self, client: Insisting) -> None:
        """Win a deal with somebody, who is a customer then: contacts learns it from the event."""
        buyer = client.create("/v1/contacts", {"givenName": "Eve", "familyName": self.word})
        told = {"displayName": self.word, "contacts": [{"contact": buyer["name"]}]}
        client.act(client.create("/v1/deals", told), "win")
        self.accepted.expect(buyer, 2)

    def _look_after_teams(self, client: Insisting) -> None:
        team = client.create("/v1/teams", {"displayName": self.word})
        client.change(team, displayName=f"{self.word} of old")
        self._stopping.wait(0.2)


@dataclass(frozen=True)
class Import:
    """An import of a file of which some rows are bad."""

    client: Insisting
    system: str
    rows: int
    name: str

    @property
    def good(self) -> set[str]:
        """The external ids of the rows that can be taken."""
        return {f"{number}" for number in range(self.rows) if not _is_bad(number)}

    def wait_for(self, what: Callable[[Mapping[str, Any]], bool], timeout: float = UNTIL) -> Any:
        """The operation, once it is as wanted."""
        return wait_until(
            lambda: what(state := self.client.get(self.name)) and state, timeout, 0.05, self.name
        )


def start_import(client: Insisting, system: str, rows: int) -> Import:
    """Begin to import contacts; some are bad, and each good one has its number in the system."""
    lines = [f"Ann,{system},{number},{_day(number)}\n" for number in range(rows)]
    content = "given,family,number,born\n" + "".join(lines)
    config = (
        '{"columns": {"given": "givenName", "family": "familyName", "born": "birthDate", '
        f'"number": "externalIds.{system}"}}}}'
    )
    parts = {"file": content.encode(), "config": config.encode()}
    operation = client.upload("/v1/contacts:import", parts)
    return Import(client, system, rows, operation["name"])


def _is_bad(number: int) -> bool:
    return number % ONE_BAD_OF == 7


def _day(number: int) -> str:
    return "yesterday" if _is_bad(number) else "1970-01-01"
