"""Which buckets of the log this relay publishes: relays share them by leases, evenly."""

from crm_chassis.mongo import leases
from crm_chassis.mongo.leases import Lease
from crm_chassis.mongo.outbox import BUCKETS
from crm_chassis.relay.lanes import Outgoing

GROUP = "relay"


class Buckets:
    """The buckets that this relay holds.

    `serving` are those to be read; one that goes to another relay is no longer among them, but
    held until what is on its way has been told of.
    """

    def __init__(self, owner: str, seconds: float = leases.SECONDS) -> None:
        self._owner, self._seconds = owner, seconds
        self._leases: dict[int, Lease] = {}
        self._look_again = 0.0
        self.serving: frozenset[int] = frozenset()

    @property
    def is_due(self) -> bool:
        """Whether it is time to `refresh`."""
        return leases.clock() >= self._look_again

    @property
    def has_surplus(self) -> bool:
        """Whether some wait to be handed over."""
        return len(self._leases) > len(self.serving)

    def token(self, bucket: int) -> int | None:
        """The token under which the bucket is held at this moment; None when it is not."""
        lease = self._leases.get(bucket)
        return lease.token if lease is not None and lease.is_held else None

    def covers(self, event: Outgoing) -> bool:
        """Whether the bucket of an event is held by the lease under which the event was read."""
        return self.token(event.bucket) == event.token

    def refresh(self) -> None:
        """Renew what is held, take up to a fair share, and no longer serve what is above it."""
        members = leases.attend(GROUP, self._owner, self._seconds)
        share = -(-BUCKETS // members)
        if self._leases:
            self._keep(leases.renew(self._leases.values(), self._owner, self._seconds))
        if len(self._leases) < share:
            others = [_name(bucket) for bucket in range(BUCKETS) if bucket not in self._leases]
            limit = share - len(self._leases)
            taken = leases.take(others, self._owner, self._seconds, limit)
            self._keep([*self._leases.values(), *taken])
        self.serving = frozenset(sorted(self._leases)[:share])
        pause = self._seconds / 3 if len(self._leases) >= share else self._seconds / 15
        self._look_again = leases.clock() + pause

    def hand_over(self, busy: frozenset[int]) -> None:
        """Give those back that are not served any more and have nothing on its way (`busy`)."""
        free = self._leases.keys() - self.serving - busy
        if free:
            leases.release(map(_name, free), self._owner)
            self._keep([lease for bucket, lease in self._leases.items() if bucket not in free])

    def leave(self) -> None:
        """Give all back."""
        leases.release(map(_name, self._leases), self._owner)
        leases.leave(GROUP, self._owner)
        self._leases, self.serving = {}, frozenset()

    def _keep(self, held: list[Lease]) -> None:
        self._leases = {_bucket(lease.name): lease for lease in held}


def _name(bucket: int) -> str:
    return f"{GROUP}/{bucket}"


def _bucket(name: str) -> int:
    return int(name.removeprefix(f"{GROUP}/"))
