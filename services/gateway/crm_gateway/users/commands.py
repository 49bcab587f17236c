"""Changes to users. Each runs in one transaction and announces what it did."""

from collections.abc import Collection, Sequence

from crm_chassis.resources.document import take_over
from crm_chassis.resources.transaction import Transaction
from crm_gateway.roles.commands import hold_administrators, reach_of_caller
from crm_gateway.roles.rules import ADMINISTRATOR, NOTHING, Reach, refuse_more_than_own
from crm_gateway.users import rules
from crm_gateway.users.documents import User
from crm_gateway.users.queries import is_administrator_besides, reach_of


def create_user(tx: Transaction, user: User, time_zone: str) -> User:
    """Store a new user; `time_zone` is the installation's.

    Raises:
        Forbidden: the user would get a right that the caller does not have.
        Exists: another user has the address.
    """
    _tidy(user, time_zone)
    refuse_more_than_own(reach_of_caller(tx), NOTHING, reach_of(user))
    return tx.insert(user)


def update_user(
    tx: Transaction, changes: User, paths: Sequence[str], etag: str, time_zone: str
) -> User:
    """Take over from `changes` the fields that `paths` name.

    Raises:
        NotFound: there is no such user.
        Stale: an `etag` is given, and it has changed since.
        NotAllowed: no administrator would be left.
        Forbidden, Exists: as in `create_user`.
    """
    user = tx.load(User, changes.name, expecting=etag)
    if rules.RIGHTS_FIELDS.isdisjoint(paths):
        take_over(changes, user, paths)
        _tidy(user, time_zone)
        return tx.update(user)
    before = _reach_before(tx, user, paths)
    was_administrator = _is_administrator(user)
    take_over(changes, user, paths)
    _tidy(user, time_zone)
    refuse_more_than_own(reach_of_caller(tx), before, reach_of(user))
    if was_administrator and not _is_administrator(user):
        _refuse_no_administrator(tx, user)
    return tx.update(user)


def delete_user(tx: Transaction, name: str, etag: str) -> User:
    """Take a user away; the user's keys count no longer.

    Raises:
        NotFound, Stale, NotAllowed: as in `update_user`.
    """
    user = tx.load(User, name, expecting=etag)
    if _is_administrator(user):
        _refuse_no_administrator(tx, user)
    return tx.delete(user)


def undelete_user(tx: Transaction, name: str, etag: str) -> User:
    """Bring a user back, with the rights that the user had.

    Raises:
        NotFound, Stale, Forbidden, Exists: as in `update_user`.
        NotAllowed: the user was not taken away.
    """
    user = tx.load_deleted(User, name, expecting=etag)
    user.delete_time = None
    refuse_more_than_own(reach_of_caller(tx), NOTHING, reach_of(user))
    return tx.undelete(user)


def _tidy(user: User, time_zone: str) -> None:
    user.email = rules.tidy_email(user.email)
    user.state = user.state or rules.ACTIVE
    user.language_code = user.language_code or rules.LANGUAGE
    user.time_zone = user.time_zone or time_zone


def _reach_before(tx: Transaction, user: User, paths: Collection[str]) -> Reach:
    is_own = tx.call.principal.user == user.name
    return NOTHING if rules.takes_over_account(paths, is_own) else reach_of(user)


def _is_administrator(user: User) -> bool:
    return ADMINISTRATOR in user.roles and rules.may_work(user.state, user.delete_time is not None)


def _refuse_no_administrator(tx: Transaction, user: User) -> None:
    hold_administrators(tx)
    rules.refuse_no_administrator(is_administrator_besides(user.name))
