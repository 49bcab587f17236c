"""Decisions about API keys: how one is written, read and compared, and who may have one.

A key is `crm_live_<id>_<secret>`: its id in 32 hexadecimal digits, so that it can be looked up and
told in logs, and 190 random bits, of which only a SHA-256 is kept (OWASP ASVS 6.5.2: a secret of
high entropy needs no slow hash).
"""

import hashlib
import hmac
import re
import string
from datetime import datetime
from typing import NamedTuple

from crm_chassis.kernel.errors import Flaw, Forbidden, Invalid, NotAllowed

ALPHABET = string.digits + string.ascii_letters
SECRET_LENGTH = 32
_ID = r"([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})"
_KEY = re.compile(rf"crm_live_{_ID}_(?P<secret>[0-9A-Za-z]{{22,64}})")
# What the secret of a key that is not there is compared with: it takes as long.
_NO_DIGEST = "0" * 64


class Presented(NamedTuple):
    """What somebody shows as an API key."""

    key_id: str
    secret: str


def write_key(key_id: str, secret: str) -> str:
    """The key as its owner gets it."""
    return f"crm_live_{key_id.replace('-', '')}_{secret}"


def read_key(text: str) -> Presented | None:
    """The id and the secret of a key; None when the text is none."""
    found = _KEY.fullmatch(text)
    return Presented("-".join(found.groups()[:5]), found["secret"]) if found is not None else None


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_secret(secret: str, digest: str | None) -> bool:
    """Whether this is the secret whose digest was kept; takes as long for None."""
    return hmac.compare_digest(digest_of(secret), digest or _NO_DIGEST)


def has_ended(expire_time: datetime | None, moment: datetime) -> bool:
    """Whether a key counts no longer by its own end."""
    return expire_time is not None and expire_time <= moment


def refuse_for_others(user: str, caller: str | None, level: str | None) -> None:
    """One makes keys for oneself; for others only with the right over all keys.

    Raises:
        Forbidden: it is for somebody else, and the caller has no such right.
    """
    if user != caller and level != "ALL":
        raise Forbidden(f"You may not make a key for {user}.")


def refuse_other_user(user: str, before: str) -> None:
    """A key asks for the same user for ever.

    Raises:
        Invalid: `user` is another one than `before`.
    """
    if user != before:
        raise Invalid("A key's user cannot change.", Flaw("user", "READ_ONLY", "cannot be changed"))


def refuse_revoked(revoke_time: datetime | None) -> None:
    """What was revoked is over for good.

    Raises:
        NotAllowed: the key was.
    """
    if revoke_time is not None:
        raise NotAllowed("The key was revoked.", reason="REVOKED")
