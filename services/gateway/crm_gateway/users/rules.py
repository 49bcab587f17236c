"""Decisions about users: plain values in, plain values out."""

from collections.abc import Collection

from crm_chassis.kernel.errors import NotAllowed

ACTIVE = "ACTIVE"
LANGUAGE = "en"
# A change of one of these changes what somebody may do, or who may do it.
RIGHTS_FIELDS = frozenset({"roles", "teams", "state", "email"})


def tidy_email(email: str) -> str:
    """The address as it is stored and compared."""
    return email.lower()


def may_work(state: str | None, is_deleted: bool) -> bool:
    """Whether a user's rights count at all."""
    return state == ACTIVE and not is_deleted


def takes_over_account(paths: Collection[str], is_own: bool) -> bool:
    """Whether a change lets somebody else become the user: by the address people sign in."""
    return "email" in paths and not is_own


def refuse_no_administrator(is_other_left: bool) -> None:
    """Somebody must be left who can give rights back.

    Raises:
        NotAllowed: nobody is.
    """
    if not is_other_left:
        raise NotAllowed("This is the last administrator.", reason="LAST_ADMINISTRATOR")
