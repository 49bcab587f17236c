"""Changes to roles. Each runs in one transaction and announces what it did."""

from collections.abc import Iterable, Sequence

from crm_chassis.resources.document import take_over
from crm_chassis.resources.transaction import Transaction
from crm_gateway.roles import rules
from crm_gateway.roles.documents import Grant, Role
from crm_gateway.roles.rules import NOTHING, Reach, Rights


def create_role(tx: Transaction, role: Role, slug: str) -> Role:
    """Store a new role; its id is `slug`, or made up when that is empty.

    Raises:
        Forbidden: it gives a right that the caller does not have.
        Exists: another role has the slug.
    """
    rules.refuse_more_than_own(reach_of_caller(tx), NOTHING, Reach(_rights(role.grants)))
    return tx.insert(role, slug=slug)


def update_role(tx: Transaction, changes: Role, paths: Sequence[str], etag: str) -> Role:
    """Take over from `changes` the fields that `paths` name.

    Raises:
        NotFound: there is no such role.
        Stale: an `etag` is given, and it has changed since.
        NotAllowed: it is the administrators', and its grants would change.
        Forbidden: it would give a right that the caller does not have.
    """
    role = tx.load(Role, changes.name, expecting=etag)
    before = _rights(role.grants)
    take_over(changes, role, paths)
    after = _rights(role.grants)
    rules.refuse_less_for_administrators(role.name, before, after)
    rules.refuse_more_than_own(reach_of_caller(tx), Reach(before), Reach(after))
    return tx.update(role)


def delete_role(tx: Transaction, name: str, etag: str) -> Role:
    """Take a role away; who has it has its rights no longer.

    Raises:
        NotFound, Stale: as in `update_role`.
        NotAllowed: it is there from the start.
    """
    role = tx.load(Role, name, expecting=etag)
    rules.refuse_built_in(name)
    return tx.delete(role)


def undelete_role(tx: Transaction, name: str, etag: str) -> Role:
    """Bring a role back.

    Raises:
        NotFound, Stale, Forbidden: as in `update_role`.
        NotAllowed: it was not taken away.
    """
    role = tx.load_deleted(Role, name, expecting=etag)
    rules.refuse_more_than_own(reach_of_caller(tx), NOTHING, Reach(_rights(role.grants)))
    return tx.undelete(role)


def hold_administrators(tx: Transaction) -> None:
    """Let no other transaction decide at the same moment who is an administrator."""
    tx.hold(Role, [rules.ADMINISTRATOR])


def reach_of_caller(tx: Transaction) -> Reach:
    """What the caller may do: the most that the caller can hand on."""
    principal = tx.call.principal
    return Reach(principal.rights, principal.team_scope)


def _rights(grants: Iterable[Grant]) -> Rights:
    return rules.merge(
        rules.Grant(grant.resource_type, grant.action, grant.level) for grant in grants
    )
