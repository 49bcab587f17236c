"""A mail server that delivers nothing: each message becomes one file in a directory.

It shows what servers do, by the domain of the recipient: `refused.example` is unknown to it,
`busy.example` is not taken yet, and mail to `silent.example` it takes and then hangs up.
"""

import asyncio
import signal
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

MEBIBYTE = 1024 * 1024
REFUSALS = {"refused.example": "550 Nobody of that name", "busy.example": "450 Not now"}
SILENT = "@silent.example"


class Mailbox:
    """Keeps each message as `.eml`, its envelope in the first header lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = count()

    async def handle_RCPT(  # noqa: N802 (the library's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        refusal = REFUSALS.get(address.rpartition("@")[2])
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 Known"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 (the library's name)
        name = f"{time.time_ns()}-{next(self.numbers)}.eml"
        draft = self.folder / f".{name}"
        draft.write_bytes(_envelope_lines(envelope) + _content(envelope))
        draft.replace(self.folder / name)
        if any(address.endswith(SILENT) for address in envelope.rcpt_tos) and server.transport:
            server.transport.close()
        return "250 Kept"


def _content(envelope: Envelope) -> bytes:
    content = envelope.content or b""
    return content.encode() if isinstance(content, str) else content


def _envelope_lines(envelope: Envelope) -> bytes:
    recipients = ", ".join(envelope.rcpt_tos)
    return f"X-MailFrom: {envelope.mail_from}\r\nX-RcptTo: {recipients}\r\n".encode()


async def serve(port: int, folder: Path) -> None:
    """Take mail on `port` of the loopback interface until told to end."""
    mailbox = Mailbox(folder)
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    server = await loop.create_server(
        lambda: SMTP(mailbox, hostname="localhost", data_size_limit=32 * MEBIBYTE),
        "127.0.0.1",
        port,
    )
    async with server:
        await end.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
