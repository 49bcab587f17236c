"""One HTTP request: the ids that it is known by, and the headers that come back with its answer."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from werkzeug.wrappers import Request, Response

from crm_chassis.kernel.ids import new_id
from crm_chassis.telemetry.tracing import is_traceparent
from crm_gateway.transcoding.faults import Fault, Malformed

# Gives the internal token for a request, or raises a Refusal.
Authenticate = Callable[[Request], str]

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# Visible ASCII, in quotes or without; what begins with a quote ends with one.
KEY_PATTERN: Final = r'("[\x21-\x7e]{1,255}"|[\x21\x23-\x7e][\x21-\x7e]{0,254})'
_KEY: Final = re.compile(KEY_PATTERN)


@dataclass(slots=True)
class Exchange:
    """A request with what identifies it."""

    request: Request
    request_id: str
    traceparent: str
    # Whether the answer is given while there may be more of the body.
    is_reading: bool = False

    def metadata(self, token: str) -> tuple[tuple[str, str], ...]:
        """What a service is told of the request beside its content.

        Raises:
            Malformed: the idempotency key is none.
        """
        told = (
            ("authorization", f"Bearer {token}"),
            ("x-request-id", self.request_id),
            ("traceparent", self.traceparent),
        )
        key = self.request.environ.get("HTTP_IDEMPOTENCY_KEY")
        if key is None or self.request.method != "POST":
            return told
        return (*told, ("idempotency-key", idempotency_key(key)))

    def finish(self, response: Response) -> Response:
        """Give back what the request is known by."""
        response.headers.extend(
            [
                ("X-Request-Id", self.request_id),
                ("traceparent", self.traceparent),
                ("X-Content-Type-Options", "nosniff"),
            ]
        )
        if self.is_reading or _has_unread_body(self.request):
            # The server ends the connection then; who is not told sends the next request into it.
            response.headers["Connection"] = "close"
        return response


def begin(request: Request) -> Exchange:
    """Take up the ids that came with a request. A trace that did not is begun by its first span."""
    environ = request.environ
    request_id = environ.get("HTTP_X_REQUEST_ID", "")
    traceparent = environ.get("HTTP_TRACEPARENT", "")
    return Exchange(
        request,
        request_id if _REQUEST_ID.fullmatch(request_id) else new_id(),
        traceparent if is_traceparent(traceparent) else "",
    )


def _has_unread_body(request: Request) -> bool:
    """Whether a body came that nobody has looked at: `stream` is kept once it was asked for."""
    has_body = bool(request.content_length) or "HTTP_TRANSFER_ENCODING" in request.environ
    return has_body and "stream" not in vars(request)


def idempotency_key(text: str) -> str:
    """The key that a header names, with or without the quotes of a structured field.

    Raises:
        Malformed: it is none.
    """
    key = text.strip()
    if not _KEY.fullmatch(key):
        said = "must be 1 to 255 visible ASCII characters"
        raise Malformed([Fault("Idempotency-Key", "header", "MALFORMED_VALUE", said)])
    if key.startswith('"'):
        return key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return key
