"""Calls and principals for tests: who asks, with which rights."""

from collections.abc import Iterable

from crm_chassis.kernel.ids import new_id
from crm_chassis.telemetry.context import Call, Idempotency, Level, Principal

_ACTIONS = ("READ", "CREATE", "UPDATE", "DELETE", "EXPORT", "BULK", "MERGE", "ERASE")


def a_principal(level: Level = "ALL", teams: Iterable[str] = (), **rights: Level) -> Principal:
    """A user with every right at a level, or with the named ones (`READ="TEAM"`) only."""
    granted = rights or dict.fromkeys(_ACTIONS, level)
    own = frozenset(teams)
    user = f"users/{new_id()}"
    return Principal(user, user, own, own, {"*": granted})


def a_call(
    principal: Principal | None = None,
    collection: str = "*",
    action: str = "READ",
    idempotency: Idempotency | None = None,
) -> Call:
    """A request of that principal; an administrator's when none is told."""
    request = new_id()
    return Call(
        principal=principal or a_principal(),
        request_id=request,
        method="/crm.test.v1.TestService/Test",
        collection=collection,
        action=action,
        correlation_id=request,
        causation_id=request,
        idempotency=idempotency,
    )
