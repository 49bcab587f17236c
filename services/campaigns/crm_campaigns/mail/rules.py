"""How a mail is written (RFC 5322): plain values in, bytes out.

The library's messages fold long links into encoded words, which no mailbox provider reads, or take
as long to write as the whole rest of sending does. So the few headers are written here; what is in
them that has rules of its own (dates, names, words beyond ASCII) the library encodes.
"""

import re
from base64 import encodebytes
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from typing import Any

from liquid import BoundTemplate

from crm_chassis.kernel.errors import Flaw, Invalid

LONGEST_SUBJECT = 255
# What a line may be at most (RFC 5322, 2.1.1).
LONGEST_LINE = 998
# Nothing that could end a header or an address, or that a server has to be asked about first.
_ADDRESS = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]+@[\x21-\x3b\x3d\x3f-\x7e]+")


@dataclass(frozen=True, slots=True)
class Letter:
    """What all mails of a campaign have in common."""

    subject: BoundTemplate
    body: BoundTemplate
    from_address: str
    campaign: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Envelope:
    """Whom one mail goes to, by which id it is known, and how its recipient gets no more."""

    address: str
    message_id: str
    unsubscribe_url: str


def message_id(delivery: str, from_address: str) -> str:
    """The id of a delivery's mail: the same whenever it is written (RFC 5322, 3.6.4)."""
    _, campaign, _, own = delivery.split("/")
    return f"<{own}.{campaign}@{from_address.rpartition('@')[2]}>"


def write_mail(
    letter: Letter, contact: Mapping[str, Any], envelope: Envelope, moment: datetime
) -> bytes:
    """The mail of a campaign to one contact, with what RFC 8058 asks for.

    Raises:
        Invalid: the template cannot be filled in for this contact, or the address is none.
    """
    if not _ADDRESS.fullmatch(envelope.address):
        flaw = Flaw("address", "INVALID_ADDRESS", "is no address of ASCII characters")
        raise Invalid("Mail cannot go to this address.", flaw)
    told = {
        "contact": contact,
        "campaign": letter.campaign,
        "unsubscribeUrl": envelope.unsubscribe_url,
    }
    subject = _line(_filled(letter.subject, told))[:LONGEST_SUBJECT]
    encoding, charset, body = _encoded(_filled(letter.body, told))
    headers = {
        "From": letter.from_address,
        "To": formataddr((_line(contact.get("displayName") or ""), envelope.address)),
        "Subject": subject if subject.isascii() else Header(subject, "utf-8").encode(),
        "Date": format_datetime(moment),
        "Message-ID": envelope.message_id,
        "List-Unsubscribe": f"<{envelope.unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Precedence": "bulk",
        "MIME-Version": "1.0",
        "Content-Type": f'text/plain; charset="{charset}"',
        "Content-Transfer-Encoding": encoding,
    }
    written = "".join(f"{name}: {value}\n" for name, value in headers.items())
    return b"\r\n".join([*written.encode("ascii").splitlines(), b"", *body.splitlines(), b""])


def _filled(template: BoundTemplate, told: Mapping[str, Any]) -> str:
    try:
        return template.render(**told)
    except Exception as error:  # whatever it is, it is the template's, and of this mail alone
        flaw = Flaw("body", "TEMPLATE", type(error).__name__)
        raise Invalid("The template cannot be filled in.", flaw) from error


def _encoded(text: str) -> tuple[str, str, bytes]:
    """How the text is encoded, in which characters, and so encoded."""
    lines = text.splitlines()
    if text.isascii() and max(map(len, lines), default=0) <= LONGEST_LINE:
        return "7bit", "us-ascii", "\n".join(lines).encode()
    return "base64", "utf-8", encodebytes("\r\n".join([*lines, ""]).encode())


def _line(text: str) -> str:
    """The text in one line, so that it can be no header of its own."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
