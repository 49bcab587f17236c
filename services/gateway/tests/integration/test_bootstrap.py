"""The first administrator and the first API key, on a real database."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from crm_chassis.kernel.errors import NotAllowed
from crm_chassis.resources.transaction import in_transaction
from crm_gateway.api_keys.commands import revoke_api_key
from crm_gateway.api_keys.documents import ApiKey
from crm_gateway.api_keys.queries import find_key
from crm_gateway.api_keys.rules import is_secret, read_key
from crm_gateway.bootstrap import EMAIL, bootstrap
from crm_gateway.testing import a_user
from crm_gateway.users.commands import delete_user, update_user
from crm_gateway.users.documents import User
from crm_gateway.users.queries import find_by_email

pytestmark = pytest.mark.usefixtures("administration")
ADMINISTRATOR = "roles/administrator"


def counts(key):
    shown = read_key(key)
    stored = find_key(shown.key_id)
    return is_secret(shown.secret, stored.digest) and not stored.is_revoked


def test_asked_twice_at_once_it_makes_one_user_and_one_key():
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(bootstrap, ["UTC"] * 4))

    assert User.rows().count_documents({}) == 1
    assert ApiKey.rows().count_documents({}) == 1
    assert sum(counts(key) for key in keys) == 1


def test_a_key_that_was_revoked_stays_so_and_there_is_a_new_one():
    first = bootstrap("UTC")
    in_transaction(revoke_api_key, f"apiKeys/{read_key(first).key_id}", "")

    second = bootstrap("UTC")

    assert not counts(first)
    assert counts(second)


def test_it_is_no_way_in_where_there_are_administrators_already():
    bootstrap("UTC")
    a_user(roles=[ADMINISTRATOR])
    in_transaction(delete_user, find_by_email(EMAIL), "")

    with pytest.raises(NotAllowed):
        bootstrap("UTC")

    assert find_by_email(EMAIL) is None


def test_it_lets_nobody_in_who_was_suspended():
    bootstrap("UTC")
    a_user(roles=[ADMINISTRATOR])
    changes = User(id=find_by_email(EMAIL).removeprefix("users/"), state="SUSPENDED")
    in_transaction(update_user, changes, ["state"], "", "UTC")

    with pytest.raises(NotAllowed):
        bootstrap("UTC")
