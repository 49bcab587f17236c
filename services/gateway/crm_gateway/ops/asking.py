"""Asks an address over HTTP, within a time and a size that are bounded."""

from collections.abc import Mapping
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

import urllib3

from crm_gateway.ops.seen import SourceAway

LARGEST = 16 * 1024 * 1024
_PIECE = 64 * 1024
_FORM = "application/x-www-form-urlencoded"


class Asker:
    """Asks addresses on connections that are kept."""

    def __init__(self, seconds: float, connections: int) -> None:
        self._seconds = seconds
        self._pool = urllib3.PoolManager(num_pools=64, maxsize=connections)

    def get(self, url: str) -> bytes:
        """What is there.

        Raises:
            SourceAway: nothing, not in time, or too much.
        """
        return self._ask("GET", url, {})

    def post(self, url: str, form: Mapping[str, str]) -> bytes:
        """What is answered to a form.

        Raises:
            SourceAway: see above.
        """
        told = {"body": urlencode(form), "headers": {"Content-Type": _FORM}}
        return self._ask("POST", url, told)

    def _ask(self, verb: str, url: str, told: Mapping[str, Any]) -> bytes:
        address, headers = _without_user(url)
        until = monotonic() + self._seconds
        try:
            response = self._pool.request(
                verb,
                address,
                body=told.get("body"),
                headers={**headers, **told.get("headers", {})},
                timeout=urllib3.Timeout(total=self._seconds),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            content = _read(response, until)
        except urllib3.exceptions.TimeoutError:
            raise SourceAway(f"no answer within {self._seconds:g} s") from None
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise SourceAway(_words(error)) from error
        if response.status != 200:
            raise SourceAway(f"answered with status {response.status}")
        return content


def _read(response: urllib3.BaseHTTPResponse, until: float) -> bytes:
    """The body; whoever sends it byte by byte does not hold us up for longer than agreed."""
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in response.stream(_PIECE):
            size += len(piece)
            if size > LARGEST:
                raise SourceAway("answered with more than is read")
            if monotonic() > until:
                raise SourceAway("did not end its answer in time")
            pieces.append(piece)
    except SourceAway:
        response.close()
        raise
    response.release_conn()
    return b"".join(pieces)


def _without_user(url: str) -> tuple[str, dict[str, str]]:
    """The address without `user:password@`, and the header that says the same."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url, {}
    user, _, place = parts.netloc.rpartition("@")
    headers = urllib3.make_headers(basic_auth=unquote(user))
    return urlunsplit(parts._replace(netloc=place)), dict(headers)


def _words(error: Exception) -> str:
    """What went wrong, without the addresses of objects that urllib3 tells of."""
    return str(error).rpartition(">: ")[2] or type(error).__name__
