"""Who asks over HTTP: an API key in, an internal token out."""

from dataclasses import dataclass
from threading import Lock
from time import monotonic

from cachetools import LRUCache
from werkzeug.wrappers import Request

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Unauthenticated
from crm_chassis.rpc.tokens import LIFETIME, Signer
from crm_chassis.telemetry import metrics
from crm_chassis.telemetry.context import Principal
from crm_gateway.access.identities import MOST, Identities
from crm_gateway.access.last_uses import LastUses
from crm_gateway.api_keys.rules import has_ended, read_key

FAILURES = ("missing", "malformed", "unknown", "revoked", "expired", "suspended")
# A token is not handed on when less than this is left: who gets it must still be able to use it.
MARGIN = 10.0
_SCHEME = "bearer"
_INVALID = "The API key is not valid."
_DETAILS = {
    "missing": "Show an API key in the header `Authorization: Bearer ...`.",
    "revoked": "The API key was revoked.",
    "expired": "The API key has expired.",
    "suspended": "The API key's user may not work.",
}


@dataclass(frozen=True, slots=True)
class _Minted:
    principal: Principal
    token: str
    until: float


class Authenticator:
    """Gives the internal token of whoever asks; the same one while nothing has changed."""

    def __init__(self, signer: Signer, identities: Identities, uses: LastUses) -> None:
        self._signer = signer
        self._identities = identities
        self._uses = uses
        self._minted: LRUCache[str, _Minted] = LRUCache(MOST)
        self._lock = Lock()
        metrics.expect(metrics.AUTH_FAILURES, FAILURES)

    def __call__(self, request: Request) -> str:
        """The internal token for a request.

        Raises:
            Unauthenticated: it shows no API key that counts.
            Unavailable, Overdue: that cannot be found out.
        """
        return self.token(request.headers.get("Authorization", ""))

    def token(self, authorization: str) -> str:
        """The internal token for the value of an `Authorization` header.

        Raises:
            Unauthenticated, Unavailable, Overdue: as above.
        """
        return self._token_of(self.principal(authorization))

    def principal(self, authorization: str) -> Principal:
        """Who asks with that value of an `Authorization` header.

        Raises:
            Unauthenticated, Unavailable, Overdue: as above.
        """
        scheme, _, text = authorization.partition(" ")
        if not authorization:
            raise _refused("missing")
        shown = read_key(text.strip()) if scheme.lower() == _SCHEME else None
        if shown is None:
            raise _refused("malformed")
        identity = self._identities.find(shown)
        if identity is None:
            raise _refused("unknown")
        if identity.over:
            raise _refused(identity.over)
        if has_ended(identity.expire_time, now()):
            raise _refused("expired")
        self._uses.note(shown.key_id)
        return identity.principal

    def _token_of(self, principal: Principal) -> str:
        moment = monotonic()
        with self._lock:
            minted = self._minted.get(principal.name)
        if minted is not None and minted.until > moment and minted.principal == principal:
            return minted.token
        token = self._signer.mint(principal)
        with self._lock:
            self._minted[principal.name] = _Minted(principal, token, moment + LIFETIME - MARGIN)
        return token


def _refused(reason: str) -> Unauthenticated:
    metrics.AUTH_FAILURES.labels(reason).inc()
    return Unauthenticated(_DETAILS.get(reason, _INVALID))
