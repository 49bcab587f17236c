"""Who asks, for what, and what caused it: known everywhere below without being passed on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from crm_chassis.kernel.ids import new_id
from crm_chassis.telemetry.tracing import new_traceparent

Level = Literal["OWN", "TEAM", "ALL"]
Rights = Mapping[str, Mapping[str, Level]]
ANY = "*"
_ORDER: Mapping[str, int] = {"OWN": 1, "TEAM": 2, "ALL": 3}
_ACTIONS = ("READ", "CREATE", "UPDATE", "DELETE", "EXPORT", "BULK", "MERGE", "ERASE")


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks, and what they may do.

    `name` is who acts (`users/..`, `apiKeys/..`, `services/..`), `user` whose rights count,
    `teams` the user's own teams, `team_scope` these and their descendants, `rights` the level
    by collection (or `*`) and action.
    """

    name: str
    user: str | None = None
    teams: frozenset[str] = frozenset()
    team_scope: frozenset[str] = frozenset()
    rights: Rights = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.name, self.user, self.teams, self.team_scope))

    def level(self, collection: str, action: str) -> Level | None:
        """With how many resources of the collection the principal may do it; None: with none."""
        particular = self.rights.get(collection, {}).get(action)
        general = self.rights.get(ANY, {}).get(action)
        if particular is None or general is None:
            return particular or general
        return max(particular, general, key=lambda level: _ORDER[level])


def service_principal(service: str) -> Principal:
    """The service itself, which may do everything."""
    return Principal(f"services/{service}", rights={ANY: dict.fromkeys(_ACTIONS, "ALL")})


def own_call(service: str, work: str) -> "Call":
    """The call in whose name a piece of a service's own work is done."""
    cause = new_id()
    return Call(
        principal=service_principal(service),
        request_id=cause,
        method=work,
        correlation_id=cause,
        causation_id=cause,
        traceparent=new_traceparent(),
    )


@dataclass(frozen=True, slots=True)
class Idempotency:
    """What a repetition is recognised by: a digest of principal, method and key, and the request's.

    `sealing_key` follows from the key itself, which is not kept: only with it can the stored
    answer be read. Without one the answer is stored as it is.
    """

    key_digest: str
    fingerprint: str
    sealing_key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """The work that is being done: who asked for it, and what caused it.

    `method` is the RPC (`/crm.contacts.v1.ContactService/CreateContact`), the subscription or the
    timer; `collection` and `action` are the right that it needs; `deadline` is monotonic.
    """

    principal: Principal
    request_id: str
    method: str
    collection: str = ANY
    action: str = "READ"
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""
    idempotency: Idempotency | None = None
    deadline: float | None = None

    @property
    def is_request(self) -> bool:
        """Whether somebody outside asked for it by an RPC, not a message or a timer."""
        return self.method.startswith("/")


_current: ContextVar[Call] = ContextVar("call")


def current_call() -> Call:
    """The work that is being done.

    Raises:
        LookupError: none is; every entry point opens a scope first.
    """
    return _current.get()


def begin_call(call: Call) -> None:
    """Let `call` be the current one from here on: where a whole context belongs to one call."""
    _current.set(call)


@contextmanager
def call_scope(call: Call) -> Iterator[Call]:
    """Let `call` be the current one inside."""
    token = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(token)
