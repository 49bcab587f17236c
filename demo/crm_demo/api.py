"""The REST API as the demo company uses it: connections kept open, requests that may repeat."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import urllib3

CONNECTIONS = 8
TRIES = 30
PATIENCE = 60.0
PAUSE = 1.0
BOUNDARY = "demo-company-of-wattle-and-pine"

Json = dict[str, Any]


class Refused(Exception):
    """The API said no, or could not be reached: then there is no status."""

    def __init__(self, said: str, status: int = 0) -> None:
        super().__init__(said)
        self.status = status


class Api:
    """Asks one installation with one key."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}
        self._pool = urllib3.PoolManager(maxsize=CONNECTIONS, block=True, retries=False)

    def get(self, path: str, **query: str | int) -> Json:
        """What is there."""
        return self._ask("GET", path + (f"?{urlencode(query)}" if query else ""))

    def all(self, path: str, collection: str) -> Iterator[Json]:
        """Everything of a collection, page by page."""
        token = ""
        while True:
            page = self.get(path, pageSize=1000, **({"pageToken": token} if token else {}))
            yield from page[collection]
            token = page.get("nextPageToken", "")
            if not token:
                return

    def post(self, path: str, body: Json, key: str) -> Json:
        """Make something; the same key makes it once."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        return self._ask("POST", path, json.dumps(body).encode(), headers)

    def upload(self, path: str, file: bytes, config: Json, key: str) -> Json:
        """Send a file with what to do with it; the same key does it once."""
        parts: dict[str, str | bytes | tuple[str, str | bytes] | tuple[str, str | bytes, str]] = {
            "config": ("config.json", json.dumps(config), "application/json"),
            "file": ("people.csv", file, "text/csv"),
        }
        body, content_type = urllib3.encode_multipart_formdata(parts, BOUNDARY)
        headers = {"Idempotency-Key": key, "Content-Type": content_type}
        return self._ask("POST", path, body, headers)

    def _ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Json:
        said, status = "", 0
        for _ in range(TRIES):
            try:
                answer = self._pool.request(
                    method,
                    self._url + path,
                    body=body or None,
                    headers={**self._headers, **(headers or {})},
                    timeout=PATIENCE,
                )
            except urllib3.exceptions.HTTPError as error:
                status = 0
                said = f"it cannot be reached ({type(error).__name__})"
            else:
                status = answer.status
                if status == 200:
                    found: Json = json.loads(answer.data)
                    return found
                problem = _problem_of(answer.data)
                said = f"{answer.status} {problem.get('reason', '')}: {problem}"
                if not _may_pass(answer.status, problem):
                    break
            time.sleep(PAUSE)
        raise Refused(f"{method} {self._url}{path}: {said}", status)


def _problem_of(body: bytes) -> Json:
    try:
        problem: Json = json.loads(body)
    except ValueError:
        return {}
    return problem


def _may_pass(status: int, problem: Json) -> bool:
    """Whether the same request may be taken a moment later."""
    return status in (429, 502, 503, 504) or problem.get("reason") == "IDEMPOTENCY_KEY_IN_USE"
