"""Internal tokens: who calls, signed by the service that says so, for a minute.

A token is a JWS (RFC 7515) signed with Ed25519 (RFC 8037) by a key that is named like its service.
Its claims are those of a JWT, packed (`claims.py`). A service may speak for itself only; the
gateway speaks for anybody.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from crm_chassis.kernel.errors import Unauthenticated
from crm_chassis.rpc.claims import pack, unpack
from crm_chassis.settings import ServiceSettings
from crm_chassis.telemetry import metrics
from crm_chassis.telemetry.context import Principal, service_principal

ALGORITHM = "Ed25519"
AUDIENCE = "crm"
TYPE = "crm"
GATEWAY = "gateway"
LIFETIME = 60
# Clocks of two machines may differ by so much.
LEEWAY = 5
FAILURES = ("missing", "malformed", "signature", "expired", "audience", "issuer")
_CACHED = 4_000


@dataclass(frozen=True)
class Signer:
    """Mints the tokens of one service."""

    service: str
    key: OKPKey

    @classmethod
    def of(cls, settings: ServiceSettings) -> "Signer":
        """The signer with the service's private key."""
        settings.need("token_key_file")
        assert settings.token_key_file is not None
        return cls(settings.service, OKPKey.import_key(settings.token_key_file.read_bytes()))

    def mint(self, principal: Principal) -> str:
        """A token that says: this principal calls. Good for a minute."""
        moment = int(time.time())
        claims = {
            "iss": self.service,
            "aud": AUDIENCE,
            "iat": moment,
            "exp": moment + LIFETIME,
        }
        header = {"alg": ALGORITHM, "kid": self.service, "typ": TYPE}
        payload = pack(claims, principal)
        return jws.serialize_compact(header, payload, self.key, algorithms=[ALGORITHM])

    def mint_own(self) -> str:
        """A token that says: the service itself calls."""
        return self.mint(service_principal(self.service))


class Verifier:
    """Tells who calls from a token; what it has verified once it knows until the token ends."""

    def __init__(self, keys: Path) -> None:
        self._file = keys
        self._keys = self._load()
        self._known: dict[bytes, tuple[float, Principal]] = {}
        self._lock = Lock()
        metrics.expect(metrics.AUTH_FAILURES, FAILURES)

    @classmethod
    def of(cls, settings: ServiceSettings) -> "Verifier":
        """The verifier with the public keys of all services."""
        settings.need("token_keys_file")
        assert settings.token_keys_file is not None
        return cls(settings.token_keys_file)

    def principal(self, authorization: str) -> Principal:
        """Who calls, from the value of the `authorization` metadata.

        Raises:
            Unauthenticated: there is no token, or it does not hold.
        """
        digest = sha256(authorization.encode()).digest()
        found = self._known.get(digest)
        if found is not None and found[0] > time.time():
            return found[1]
        if not authorization.startswith("Bearer "):
            raise _refused("missing")
        expires, principal = self._verified(authorization[7:])
        self._remember(digest, expires, principal)
        return principal

    def _verified(self, token: str) -> tuple[float, Principal]:
        issuer, payload = self._opened(token)
        try:
            claims, principal = unpack(payload)
        except ValueError as error:
            raise _refused("malformed") from error
        moment = time.time()
        if claims.get("aud") != AUDIENCE:
            raise _refused("audience")
        if not claims["iat"] - LEEWAY <= moment < claims["exp"] + LEEWAY:
            raise _refused("expired")
        if claims.get("iss") != issuer:
            raise _refused("issuer")
        expires: float = claims["exp"] + LEEWAY
        if principal.name == f"services/{issuer}":
            return expires, service_principal(issuer)
        if issuer != GATEWAY:
            raise _refused("issuer")
        return expires, principal

    def _opened(self, token: str) -> tuple[str, bytes]:
        """The issuer and the payload of a token whose signature holds."""
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError) as error:
            raise _refused("malformed") from error
        if header.get("typ") != TYPE:
            raise _refused("malformed")
        issuer = str(header.get("kid"))
        key = self._key_of(issuer)
        try:
            opened = jws.deserialize_compact(token, key, algorithms=[ALGORITHM])
        except (JoseError, ValueError) as error:
            raise _refused("signature") from error
        return issuer, opened.payload or b""

    def _key_of(self, issuer: str) -> OKPKey:
        key = self._keys.get(issuer)
        if key is None:
            raise _refused("issuer")
        return key

    def _load(self) -> Mapping[str, OKPKey]:
        keys = KeySet.import_key_set(json.loads(self._file.read_text(encoding="utf-8")))
        return {str(key.kid): cast("OKPKey", key) for key in keys.keys}

    def _remember(self, digest: bytes, expires: float, principal: Principal) -> None:
        with self._lock:
            if len(self._known) >= _CACHED:
                moment = time.time()
                alive = [item for item in self._known.items() if item[1][0] > moment]
                self._known = dict(alive[-_CACHED // 2 :])
            self._known[digest] = (expires, principal)


def _refused(reason: str) -> Unauthenticated:
    metrics.AUTH_FAILURES.labels(reason).inc()
    return Unauthenticated("It is not known who calls.")
