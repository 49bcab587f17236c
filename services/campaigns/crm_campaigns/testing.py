"""Audiences, campaigns and recipients with sensible values, and a mail server to look into."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from crm_campaigns.audiences.commands import add_contacts, create_audience
from crm_campaigns.audiences.documents import Audience
from crm_campaigns.campaigns.commands import PLAN, START, WITHDRAW, create_campaign, send_campaign
from crm_campaigns.campaigns.documents import Campaign
from crm_campaigns.campaigns.jobs import fire_plan, fire_start, fire_withdraw
from crm_campaigns.deliveries.documents import Delivery
from crm_campaigns.deliveries.jobs import Sender
from crm_campaigns.recipients.commands import keep_consents, keep_contacts
from crm_campaigns.recipients.queries import find_recipients
from crm_campaigns.recipients.rules import Recipient
from crm_chassis.events.envelope import Event
from crm_chassis.kernel.clock import now, rfc3339
from crm_chassis.kernel.errors import Unavailable
from crm_chassis.kernel.ids import new_id
from crm_chassis.resources.known import keep_rows, known_row
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.testing.waiting import PATIENCE
from crm_chassis.working.timers import Timers

Row = dict[str, Any]
PURPOSE = "newsletter"


def a_contact(address: str = "ann@example.com", consent: str = "GRANTED", **more: Any) -> str:
    """A contact that events have told of; gives its name."""
    name = f"contacts/{new_id()}"
    emails = [{"address": address, "kind": "WORK", "primary": True}] if address else []
    data = {"name": name, "displayName": "Ann Miller", "givenName": "Ann", "emails": emails, **more}
    keep_rows([known_row(data, 1)])
    keep_contacts([(data, 1)], None)
    if consent:
        keep_consents([a_consent(name, consent)], None)
    return name


def a_consent(contact: str, state: str = "GRANTED", **more: Any) -> Row:
    """The JSON of a consent to mail."""
    moment = rfc3339(now())
    told = {"purpose": PURPOSE, "channel": "EMAIL", "state": state}
    times = {"captureTime": moment, "createTime": moment}
    return {"name": f"{contact}/consents/{new_id()}", **told, **times, **more}


def an_audience(contacts: Sequence[str] = (), **fields: Any) -> Audience:
    audience = in_transaction(create_audience, Audience(**{"display_name": "Readers", **fields}))
    if contacts:
        return in_transaction(add_contacts, audience.name, list(contacts), "")
    return audience


def a_campaign(contacts: Sequence[str] = (), **fields: Any) -> Campaign:
    values = {
        "display_name": "Spring",
        "from_address": "news@example.com",
        "subject": "Hello {{ contact.givenName }}",
        "body": "Dear {{ contact.displayName }},\nthis is {{ campaign.displayName }}.",
        "purpose": PURPOSE,
        **fields,
    }
    if "audience" not in values:
        values["audience"] = an_audience(contacts).name
    return in_transaction(create_campaign, Campaign(**values))


def a_started_campaign(contacts: Sequence[str], **fields: Any) -> Campaign:
    """A campaign that goes out, its recipients planned."""
    campaign = a_campaign(contacts, **fields)
    in_transaction(send_campaign, campaign.name, "")
    fire_all()
    return campaign


def fire_all() -> None:
    """Fire every timer that is due, as the worker does."""
    timers = Timers("campaigns", {START: fire_start, PLAN: fire_plan, WITHDRAW: fire_withdraw})
    while timers.fire_one():
        pass


def stored(campaign: Campaign) -> Row:
    """The campaign's row as it is now."""
    row: Row = Campaign.rows().find_one({"_id": campaign.id})
    return row


def deliveries_of(campaign: Campaign) -> list[Row]:
    """The rows of its deliveries."""
    return list(Delivery.rows().find({"container": campaign.name}).sort("_id", 1))


def states_of(campaign: Campaign) -> list[str]:
    """The states of its deliveries, in the order of the alphabet."""
    return sorted(row["state"] for row in deliveries_of(campaign))


@dataclass
class OwnerStandIn:
    """Answers like the owner of contacts: `there` is what it knows, by the contact's name."""

    there: dict[str, Recipient] = field(default_factory=dict)
    is_away: bool = False
    asked: list[str] = field(default_factory=list)

    def ask(self, contacts: Sequence[str], purpose: str) -> Mapping[str, Recipient]:
        if self.is_away:
            raise Unavailable("It is away.")
        self.asked += contacts
        known = find_recipients(contacts, purpose)
        return {name: self.there.get(name) or known[name] for name in contacts}


@dataclass
class Inbox:
    """A mail server that keeps what it gets, and answers as a test wants it.

    `answer` gives the reply to a mail's data by its recipient; `pause` is how long it thinks.
    """

    port: int = 0
    received: list[tuple[str, bytes]] = field(default_factory=list)
    answer: Callable[[str], str] = lambda _recipient: "250 Kept"
    rcpt: Callable[[str], str] = lambda _recipient: "250 OK"
    pause: float = 0.0
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.received]

    def mails(self) -> list[Message]:
        return [message_from_bytes(content) for _, content in self.received]

    async def handle_RCPT(  # noqa: N802 (the library's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        said = self.rcpt(address)
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.pause:
                await asyncio.sleep(self.pause)
            said = self.answer(envelope.rcpt_tos[0])
            if said.startswith("250"):
                content = envelope.content
                assert isinstance(content, bytes)
                self.received.append((envelope.rcpt_tos[0], content))
            if said.endswith("DROP"):
                assert server.transport is not None
                server.transport.close()
            return said
        finally:
            self.at_once -= 1


@contextmanager
def an_inbox() -> Iterator[Inbox]:
    """A mail server on a free port, until the block ends."""
    inbox, loop, begun = Inbox(), asyncio.new_event_loop(), threading.Event()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        listening = loop.create_server(lambda: SMTP(inbox, hostname="localhost"), "127.0.0.1", 0)
        server = loop.run_until_complete(listening)
        inbox.port = server.sockets[0].getsockname()[1]
        begun.set()
        loop.run_forever()
        server.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    begun.wait(PATIENCE)
    try:
        yield inbox
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def one_round(sender: Sender) -> bool:
    """Let a sender do one round, and settle it."""
    went_on = sender.carry_on()
    sender.wait()
    return went_on


def until_over(carry_on: Callable[[], bool], campaign: Campaign, seconds: float = PATIENCE) -> Row:
    """Let a sender work until the campaign goes out no more; gives its row."""
    end = time.monotonic() + seconds
    while stored(campaign)["state"] == "SENDING" and time.monotonic() < end:
        carry_on()
    return stored(campaign)


def an_event(type_: str, data: Row, sequence: int = 1) -> Event:
    """What another service tells of a resource."""
    named = dict.fromkeys(("datahash", "salt", "actor", "correlationid", "causationid"), "x")
    return Event(
        id=new_id(),
        source="/crm/contacts",
        type=type_,
        subject=data["name"],
        time=now(),
        sequence=sequence,
        customers=(),
        parent=data["name"],
        paths=(),
        traceparent="",
        data=data,
        **named,
    )
