"""Speaking to the mail server, and telling what an answer, or none, says of a mail's fate.

A mail is accepted by the server's answer to the end of its data (RFC 5321, 4.1.1.4), and by nothing
before that. So whatever fails earlier may be tried again, and whatever fails later may have gone.
"""

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote, urlsplit

from crm_chassis.kernel.errors import Unavailable

# Servers may think about a mail for long (RFC 5321, 4.5.3.2): until then its fate is open.
PATIENCE = 120.0
CONNECT_PATIENCE = 10.0
SENT, FAILED, LATER, UNKNOWN = "SENT", "FAILED", "LATER", "UNKNOWN"
INVALID_ADDRESS = "INVALID_ADDRESS"
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_ANSWERS = range(2, 6)
_END = b".\r\n"
_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server: where it is, how it is spoken to, and as whom."""

    host: str
    port: int
    scheme: str
    user: str = ""
    password: str = ""

    @classmethod
    def of(cls, url: str) -> "Server":
        """The server of an address such as `smtp+starttls://user:password@mail.example.com`."""
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname or "", port, parts.scheme, user, password)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mail that was handed over, and why."""

    state: str
    reason: str = ""


class Line:
    """One connection to the server: opened when it is needed, kept for the next mail."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None

    def open(self) -> None:
        """Be connected.

        Raises:
            Unavailable: the server is not there, or takes no mail from us at present.
        """
        if self._smtp is not None:
            return
        try:
            self._smtp = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable("The mail server does not answer.") from error

    def hand_over(self, sender: str, recipient: str, mail: bytes) -> Fate:
        """Offer a mail, once.

        Raises:
            Unavailable: the server went away before it could have taken anything.
        """
        was_open = self._smtp is not None
        self.open()
        try:
            refusal = self._announce(sender, recipient)
        except ValueError:
            # The library cannot say it; of the connection is not known any more where it stands.
            self.close()
            return Fate(FAILED, INVALID_ADDRESS)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            if not was_open:
                raise Unavailable("The mail server does not answer.") from error
            # It had closed a connection that nobody used for a while.
            return self.hand_over(sender, recipient, mail)
        return refusal or self._deliver(mail)

    def close(self) -> None:
        """Let go of the connection."""
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    def _connected(self) -> smtplib.SMTP:
        server, name = self._server, socket.gethostname()
        if server.scheme == "smtps":
            context = ssl.create_default_context()
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, name, timeout=CONNECT_PATIENCE, context=context
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, name, timeout=CONNECT_PATIENCE)
        try:
            smtp.ehlo_or_helo_if_needed()
            if server.scheme == "smtp+starttls":
                smtp.starttls(context=ssl.create_default_context())
            if server.user:
                smtp.login(server.user, server.password)
            if smtp.sock is not None:
                smtp.sock.settimeout(PATIENCE)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _announce(self, sender: str, recipient: str) -> Fate | None:
        """Say that a mail comes; None when the server waits for it."""
        smtp = self._smtp
        assert smtp is not None
        steps: tuple[Callable[[], tuple[int, bytes]], ...] = (
            partial(smtp.mail, sender),
            partial(smtp.rcpt, recipient),
            partial(smtp.docmd, "DATA"),
        )
        for step in steps:
            code, _ = step()
            if code == 421 or code // 100 not in _ANSWERS:
                raise smtplib.SMTPServerDisconnected("It is going away.")
            if code >= 400:
                smtp.rset()
                return _refused(code)
        return None

    def _deliver(self, mail: bytes) -> Fate:
        smtp = self._smtp
        assert smtp is not None
        try:
            smtp.send(_DOT.sub(b"..", mail) + _END)
            code, _ = smtp.getreply()
        except (OSError, smtplib.SMTPException):
            self.close()
            return Fate(UNKNOWN, "CONNECTION_LOST")
        if code == 421:
            self.close()
        if code >= 400:
            return _refused(code)
        if code // 100 != 2:
            self.close()
            return Fate(UNKNOWN, "NO_ANSWER")
        return Fate(SENT)


def _refused(code: int) -> Fate:
    return Fate(FAILED if code >= 500 else LATER, f"SMTP_{code}")
