"""Handing mails to the mail server: four at once at most, each begun on disk before it is offered.

What became of a mail is noted together with the beginning of the next one, and with what the other
threads have to note: so a mail costs one round trip to the database at most, and a process that is
killed leaves at most one attempt of each thread of which nobody can tell how it ended.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from crm_campaigns.deliveries.commands import note
from crm_campaigns.deliveries.notebook import Notebook
from crm_campaigns.deliveries.queries import name_of_delivery
from crm_campaigns.deliveries.rules import FAILED, LATER, LOST, Note, Outcome, link_token
from crm_campaigns.mail.rules import Envelope, Letter, message_id, write_mail
from crm_campaigns.mail.smtp import Line, Server
from crm_campaigns.recipients.rules import Recipient
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Invalid, Unavailable

AT_ONCE = 4
# How long a round may take, and how often it looks whether it is to go on, in seconds.
LONGEST_ROUND = 2.0
LOOK = 0.2
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """A mail to hand over: its delivery, and who gets it."""

    row: Row
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class Links:
    """How a recipient gets no more: what the links begin with, and what signs them."""

    public_url: str
    key: bytes

    def of(self, delivery: str) -> str:
        """The link in the mail of a delivery."""
        return f"{self.public_url}/unsubscribe/{link_token(delivery, self.key)}"


@dataclass
class Round:
    """Some mails of one campaign: what they have in common, and what became of them so far.

    `turn` marks attempts as this sender's; `goes_on` is asked again and again.
    """

    letter: Letter
    links: Links
    turn: int
    goes_on: Callable[[], bool]
    tasks: Iterator[Task]
    told: dict[str, Outcome] = field(default_factory=dict)
    notebook: Notebook = field(default_factory=lambda: Notebook(note))
    lock: Lock = field(default_factory=Lock)
    ends: float = field(default_factory=lambda: time.monotonic() + LONGEST_ROUND)
    looks: float = 0.0
    is_server_away: bool = False

    def next(self) -> Task | None:
        """The next mail to hand over; None when the round is over."""
        with self.lock:
            moment = time.monotonic()
            if moment > self.ends or self.is_server_away:
                return None
            if moment > self.looks:
                self.looks = moment + LOOK
                if not self.goes_on():
                    self.end()
                    return None
            return next(self.tasks, None)

    def end(self) -> None:
        """Give no more mails."""
        self.ends = 0.0


class Hands:
    """The four connections to the mail server, and the threads that use them."""

    def __init__(self, server: Server) -> None:
        self._lines = [Line(server) for _ in range(AT_ONCE)]
        self._pool = ThreadPoolExecutor(AT_ONCE, "smtp")

    def work(self, round_: Round, count: int) -> None:
        """Hand over the mails of a round; it knows afterwards what became of each."""
        lines = self._lines[: min(AT_ONCE, count)]
        working = [self._pool.submit(_work, line, round_) for line in lines]
        # Nobody is at any mail when this is over, however it ends.
        wait(working)
        for done in working:
            done.result()

    def rest(self) -> None:
        """Let go of the connections until there is more to do."""
        for line in self._lines:
            line.close()

    def close(self) -> None:
        """Have no threads any more."""
        self._pool.shutdown()
        self.rest()


def _work(line: Line, round_: Round) -> None:
    """Hand over one mail after the other, as long as the round gives any."""
    noted: dict[str, Outcome] = {}
    try:
        while (task := _next(line, round_)) is not None:
            mail = _written(task, round_)
            if isinstance(mail, Outcome):
                round_.told[task.row["_id"]] = mail
                continue
            noted = _begun_and_offered(line, round_, task, mail, noted)
        round_.notebook.note(Note(noted))
    except Exception:
        round_.end()
        raise


def _next(line: Line, round_: Round) -> Task | None:
    """The next mail, once there is a server to offer it to."""
    try:
        line.open()
    except Unavailable:
        round_.is_server_away = True
    return round_.next()


def _begun_and_offered(
    line: Line, round_: Round, task: Task, mail: bytes, noted: dict[str, Outcome]
) -> dict[str, Outcome]:
    """Offer a mail whose beginning is on disk; gives what is to be noted next."""
    id_, address = task.row["_id"], task.recipient.address
    attempt = {"token": round_.turn, "address": address}
    # Until the server was spoken to nothing can have gone, whatever the database answers.
    round_.told[id_] = Outcome(LATER, address=address, was_tried=False)
    if not round_.notebook.note(Note(noted, (id_, attempt))):
        del round_.told[id_]
        return {}
    # From here on it may have gone, whatever happens to this thread.
    round_.told[id_] = Outcome(LOST.state, LOST.reason, address)
    outcome = _offered(line, round_, mail, address)
    round_.told[id_] = outcome
    return {id_: outcome}


def _offered(line: Line, round_: Round, mail: bytes, address: str) -> Outcome:
    try:
        fate = line.hand_over(round_.letter.from_address, address, mail)
    except Unavailable as away:
        round_.is_server_away = True
        return Outcome(LATER, away.reason, address, now(), was_tried=False)
    return Outcome(fate.state, fate.reason, address, now())


def _written(task: Task, round_: Round) -> bytes | Outcome:
    """The mail, or what becomes of one that cannot be written."""
    name, address = name_of_delivery(task.row), task.recipient.address
    from_address = round_.letter.from_address
    envelope = Envelope(address, message_id(name, from_address), round_.links.of(name))
    try:
        return write_mail(round_.letter, task.recipient.data, envelope, now())
    except Invalid as refusal:
        return Outcome(FAILED, refusal.flaws[0].reason, address, now())


def tasks_of(rows: Sequence[Row], recipients: Mapping[str, Recipient]) -> list[Task]:
    """The mails to those whom nothing stands against."""
    return [
        Task(row, recipients[row["contact"]])
        for row in rows
        if row["contact"] in recipients and not recipients[row["contact"]].obstacle
    ]
