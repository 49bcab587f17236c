"""The running suite as a test sees it: addresses, processes, and a client of its REST API."""

import contextlib
import http.client
import json
import os
import select
import signal
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit


@dataclass(frozen=True)
class Answer:
    """What the gateway answered."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The JSON of the answer."""
        return json.loads(self.content)

    def ok(self) -> Any:
        """The JSON of the answer, which must be a 200."""
        assert self.status == 200, f"{self.status}: {self.content[:2000]!r}"
        return self.body


@dataclass
class Client:
    """Somebody who asks the gateway, on a connection that is kept."""

    url: str
    key: str | None
    timeout: float = 30.0
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; `body` is sent as JSON unless it is bytes."""
        told = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        told |= headers or {}
        content = body
        if body is not None and not isinstance(body, bytes):
            content = json.dumps(body).encode()
            told.setdefault("Content-Type", "application/json")
        target = quote(path, safe="/:*%,") + (f"?{urlencode(query)}" if query else "")
        return self._send(method, target, content, told)

    def get(self, path: str, **query: Any) -> Answer:
        return self.ask("GET", path, query=query)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, {} if body is None else body, headers=told)

    def patch(self, name: str, body: Any, etag: str = "", **query: Any) -> Answer:
        headers = {"If-Match": etag} if etag else {}
        return self.ask("PATCH", f"/v1/{name}", body, query, headers)

    def delete(self, name: str, etag: str = "") -> Answer:
        return self.ask("DELETE", f"/v1/{name}", headers={"If-Match": etag} if etag else {})

    def upload(self, path: str, parts: Mapping[str, bytes], **headers: str) -> Answer:
        """Post a form of files."""
        boundary = uuid.uuid4().hex
        lines = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; '
            f'filename="{name}"\r\n\r\n'.encode()
            + content
            + b"\r\n"
            for name, content in parts.items()
        ]
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        told["Content-Type"] = f"multipart/form-data; boundary={boundary}"
        return self.ask("POST", path, b"".join(lines) + f"--{boundary}--\r\n".encode(), None, told)

    def _send(
        self, method: str, target: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        if self._connection is not None and _was_ended(self._connection):
            self._connection.close()
            self._connection = None
        if self._connection is None:
            address = urlsplit(self.url)
            self._connection = http.client.HTTPConnection(
                address.hostname or "", address.port, timeout=self.timeout
            )
        try:
            # Who refuses a large body may end before it has all of it: the answer is there.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._connection.request(method, target, content, dict(headers))
            response = self._connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            raise


def _was_ended(connection: http.client.HTTPConnection) -> bool:
    """Whether the server has ended a connection that was idle for long."""
    return connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])


@dataclass(frozen=True)
class Suite:
    """A running suite by its run directory."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """What the suite tells of itself."""
        lines = (self.folder / "env").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def pids(self) -> dict[str, int]:
        """The pid of each process, by its name."""
        lines = (self.folder / "pids").read_text(encoding="utf-8").splitlines()
        return {name: int(pid) for name, pid in (line.split() for line in lines)}

    def client(self, key: str | None = "") -> Client:
        """A client with an administrator's key, with another one, or (None) with none."""
        return Client(self.env["CRM_URL"], self.env["CRM_API_KEY"] if key == "" else key)

    def kill(self, process: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a process; gives its pid."""
        pid = self.pids[process]
        os.kill(pid, number)
        return pid

    def log(self, process: str) -> str:
        """What a process has written so far."""
        return (self.folder / "logs" / f"{process.replace('/', '-')}.log").read_text(
            encoding="utf-8", errors="replace"
        )
