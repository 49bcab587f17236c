"""A small HTTP load: clients on kept connections that send what was prepared and count answers."""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

CLIENTS = 8
_LENGTH = b"content-length:"


@dataclass(frozen=True)
class Target:
    """Where requests go, and the key that they carry."""

    url: str
    key: str = ""

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The bytes of one request."""
        address = urlsplit(self.url)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {address.netloc}"]
        if self.key:
            lines.append(f"Authorization: Bearer {self.key}")
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


class Connection:
    """One kept connection: send bytes, wait for the whole answer."""

    def __init__(self, target: Target) -> None:
        address = urlsplit(target.url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        self._socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        head = received[:end]
        length = _content_length(head)
        body = received[end + 4 :]
        while len(body) < length:
            body += self._more()
        return int(head[9:12]), body

    def close(self) -> None:
        self._socket.close()

    def _more(self) -> bytes:
        received = self._socket.recv(262_144)
        if not received:
            raise ConnectionError("the server hung up")
        return received


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.index(_LENGTH) + len(_LENGTH)
    end = lowered.find(b"\r\n", start)
    return int(lowered[start : end if end >= 0 else None])


def rate(target: Target, request: Callable[[int], bytes], seconds: float) -> float:
    """Answers with status 200 per second that eight clients get; any other status is an error.

    Raises:
        RuntimeError: the target answered something else than 200.
    """
    counts = [0] * CLIENTS
    faults: list[str] = []
    end = time.perf_counter() + seconds

    def work(client: int) -> None:
        connection = Connection(target)
        number = client
        while time.perf_counter() < end and not faults:
            status, body = connection.ask(request(number))
            if status != 200:
                faults.append(f"{status} {body[:300]!r}")
            counts[client] += 1
            number += CLIENTS
        connection.close()

    started = time.perf_counter()
    threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise RuntimeError(f"{target.url} answered {faults[0]}")
    return sum(counts) / (time.perf_counter() - started)
