"""Changes to API keys. Each runs in one transaction and announces what it did."""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime

from crm.gateway.v1 import api_keys_pb2

from crm_chassis.kernel.ids import id_of
from crm_chassis.resources.document import take_over
from crm_chassis.resources.transaction import Transaction
from crm_chassis.resources.translate import to_message
from crm_gateway.api_keys import rules
from crm_gateway.api_keys.documents import ApiKey
from crm_gateway.roles.commands import reach_of_caller
from crm_gateway.roles.rules import NOTHING, refuse_more_than_own
from crm_gateway.users.queries import standing_of


def create_api_key(tx: Transaction, key: ApiKey) -> api_keys_pb2.ApiKey:
    """Store a new key. Gives its message with the secret, which is nowhere else.

    Raises:
        Forbidden: it is for somebody else, and the caller may not make such keys, or the user
            has rights that the caller has not.
    """
    level = tx.call.principal.level(ApiKey.collection(), "CREATE")
    rules.refuse_for_others(key.user, tx.call.principal.user, level)
    _refuse_rights_of_others(tx, key.user)
    key.revoke_time = key.last_use_time = None
    secret = _set_secret(key)
    return _with_secret(tx.insert(key), secret)


def update_api_key(tx: Transaction, changes: ApiKey, paths: Sequence[str], etag: str) -> ApiKey:
    """Take over from `changes` the fields that `paths` name.

    Raises:
        NotFound: there is no such key.
        Stale: an `etag` is given, and it has changed since.
        Invalid: it would have another user.
    """
    key = tx.load(ApiKey, changes.name, expecting=etag)
    user = key.user
    take_over(changes, key, paths)
    rules.refuse_other_user(key.user, user)
    return tx.update(key)


def rotate_api_key(tx: Transaction, name: str, etag: str) -> api_keys_pb2.ApiKey:
    """Give a key a new secret; the old one counts no longer. Gives its message with the new one.

    Raises:
        NotFound, Stale: as in `update_api_key`.
        NotAllowed: it was revoked.
        Forbidden: it is somebody else's, who has rights that the caller has not.
    """
    key = tx.load(ApiKey, name, expecting=etag)
    rules.refuse_revoked(key.revoke_time)
    _refuse_rights_of_others(tx, key.user)
    secret = _set_secret(key)
    return _with_secret(tx.update(key, "rotated"), secret)


def revoke_api_key(tx: Transaction, name: str, etag: str) -> ApiKey:
    """End a key for good; one that has ended stays as it is.

    Raises:
        NotFound, Stale: as in `update_api_key`.
    """
    key = tx.load(ApiKey, name, expecting=etag)
    if key.revoke_time is None:
        key.revoke_time = tx.now
    return tx.update(key, "revoked")


def note_uses(tx: Transaction, key_ids: Collection[str], minute: datetime) -> None:
    """Tell of keys that they were used in a minute, beside what is announced of them."""
    earlier = [{"last_use_time": None}, {"last_use_time": {"$lt": minute}}]
    tx.derive(ApiKey, {"_id": {"$in": list(key_ids)}, "$or": earlier}, last_use_time=minute)


def _set_secret(key: ApiKey) -> str:
    secret = "".join(secrets.choice(rules.ALPHABET) for _ in range(rules.SECRET_LENGTH))
    key.secret_digest = rules.digest_of(secret)
    return secret


def _with_secret(key: ApiKey, secret: str) -> api_keys_pb2.ApiKey:
    message = to_message(key)
    assert isinstance(message, api_keys_pb2.ApiKey)
    message.secret = rules.write_key(id_of(key.name), secret)
    return message


def _refuse_rights_of_others(tx: Transaction, user: str) -> None:
    """Whoever sees another's secret has that user's rights."""
    if user == tx.call.principal.user:
        return
    standing = standing_of(user)
    refuse_more_than_own(
        reach_of_caller(tx), NOTHING, standing.reach if standing is not None else NOTHING
    )
