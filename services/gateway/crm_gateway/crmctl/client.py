"""The REST API as the command line asks it: answers as JSON, refusals as `Problem`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3

Json = dict[str, Any]
Body = bytes | Iterable[bytes] | None

# In seconds. A read is answered in some, or not at all; the ledger may take a minute.
READ_PATIENCE = 10.0
PATIENCE = 70.0
UPLOAD_PATIENCE = 600.0
# Reads are tried again by themselves while a service is away for a moment.
_RETRIES = urllib3.Retry(
    3, redirect=0, backoff_factor=0.3, status_forcelist=(429, 503), raise_on_status=False
)


class Problem(Exception):
    """The API said no."""

    def __init__(self, status: int, document: Json) -> None:
        super().__init__(document.get("detail") or f"HTTP {status}")
        self.status = status
        self.document = document


class Unreachable(Exception):
    """Nobody answers at the address, or not as the API does."""


class Client:
    """Asks one installation with one key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": "crmctl"}
        self._pool = urllib3.PoolManager()

    def get(self, path: str, **query: str | int) -> Json:
        """What is there.

        Raises:
            Problem, Unreachable: see these.
        """
        status, body = self.fetch(path, **query)
        return _answer(status, body)

    def fetch(self, path: str, **query: str | int) -> tuple[int, bytes]:
        """Status and body as they come, whatever they are.

        Raises:
            Unreachable: nobody answers.
        """
        return self._ask("GET", path + (f"?{urlencode(query)}" if query else ""))

    def post(self, path: str, body: Json, key: str = "") -> Json:
        """Make or do something; with a key it is done once.

        Raises:
            Problem, Unreachable: see these.
        """
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        status, said = self._ask("POST", path, json.dumps(body).encode(), headers)
        return _answer(status, said)

    def upload(self, path: str, body: Iterable[bytes], headers: Mapping[str, str]) -> Json:
        """Send a body piece by piece.

        Raises:
            Problem, Unreachable: see these.
        """
        status, said = self._ask("POST", path, body, headers)
        return _answer(status, said)

    def pages(self, path: str, **query: str | int) -> Iterator[Json]:
        """The pages of a list, to its end.

        Raises:
            Problem, Unreachable: see these.
        """
        token = ""
        while True:
            page = self.get(path, **query, **({"pageToken": token} if token else {}))
            yield page
            token = page.get("nextPageToken", "")
            if not token:
                return

    def download(self, address: str) -> bytes:
        """A file that an answer named. The key goes to this installation only.

        Raises:
            Problem, Unreachable: see these.
        """
        target = urlsplit(urljoin(f"{self.url}/", address))
        path = f"{target.path}?{target.query}" if target.query else target.path
        if f"{target.scheme}://{target.netloc}" != self.url:
            raise Unreachable(f"{address} is not at {self.url}.")
        status, body = self.fetch(path)
        if status != 200:
            _answer(status, body)
        return body

    def _ask(
        self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        try:
            answer = self._pool.request(
                method,
                self.url + path,
                body=body,
                headers={**self._headers, **(headers or {})},
                timeout=_patience(body),
                retries=_RETRIES if method == "GET" else False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"{self.url} cannot be reached: {_words(error)}") from error
        return answer.status, answer.data


def _patience(body: Body) -> float:
    if body is None:
        return READ_PATIENCE
    return PATIENCE if isinstance(body, bytes) else UPLOAD_PATIENCE


def _answer(status: int, body: bytes) -> Json:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Unreachable(f"The answer (HTTP {status}) is not the API's: is the address right?")
    if status != 200:
        raise Problem(status, document)
    return document


def _words(error: Exception) -> str:
    """What went wrong, without the addresses of objects that urllib3 tells of."""
    reason = getattr(error, "reason", None) or error
    return str(reason).rpartition(">: ")[2]
