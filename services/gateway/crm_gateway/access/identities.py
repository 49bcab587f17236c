"""For whom an API key asks: read from the database, and believed for two seconds at most."""

from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Literal

from cachetools import LRUCache

from crm_chassis.mongo.failures import refusal_of, time_limit
from crm_chassis.telemetry.context import Principal
from crm_gateway.api_keys.queries import StoredKey, find_key
from crm_gateway.api_keys.rules import Presented, is_secret
from crm_gateway.users.queries import standing_of

# A revoked key, a suspended user, a changed role or team count everywhere within 3 s.
BELIEVED = 2.0
PATIENCE = 2.0
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Identity:
    """For whom a key asks; `over` tells why it asks for nobody, where it does not."""

    digest: str
    expire_time: datetime | None
    principal: Principal
    over: Literal["", "revoked", "suspended"] = ""


class Identities:
    """Tells of keys for whom they ask; what it has read it believes for some seconds.

    A secret that is not the one believed in is looked up again, so that a new one counts at once.
    A wrong one costs as much as a key that is not there: one look, one comparison.
    """

    def __init__(self, believed: float = BELIEVED) -> None:
        self._seconds = believed
        self._believed: LRUCache[str, tuple[float, Identity]] = LRUCache(MOST)
        self._lock = Lock()

    def find(self, shown: Presented) -> Identity | None:
        """The identity behind a key; None when there is no such key or its secret is another.

        Raises:
            Unavailable, Overdue: the database does not answer.
        """
        with self._lock:
            until, known = self._believed.get(shown.key_id, (0.0, None))
        if known is not None and monotonic() < until and is_secret(shown.secret, known.digest):
            return known
        try:
            with time_limit(PATIENCE):
                return self._read(shown)
        except Exception as error:
            refusal = refusal_of(error)
            if refusal is None:
                raise
            raise refusal from error

    def _read(self, shown: Presented) -> Identity | None:
        until = monotonic() + self._seconds
        stored = find_key(shown.key_id)
        if not is_secret(shown.secret, stored.digest if stored is not None else None):
            return None
        assert stored is not None, "no secret has the digest of nothing"
        found = _identity_of(shown.key_id, stored)
        with self._lock:
            self._believed[shown.key_id] = (until, found)
        return found


def _identity_of(key_id: str, stored: StoredKey) -> Identity:
    name = f"apiKeys/{key_id}"
    nobody = Principal(name, stored.user)
    if stored.is_revoked:
        return Identity(stored.digest, stored.expire_time, nobody, "revoked")
    standing = standing_of(stored.user)
    if standing is None:
        return Identity(stored.digest, stored.expire_time, nobody, "suspended")
    reach = standing.reach
    principal = Principal(name, stored.user, standing.teams, reach.teams, reach.rights)
    return Identity(stored.digest, stored.expire_time, principal)
