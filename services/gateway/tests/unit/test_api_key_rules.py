"""How an API key is written, read and compared."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_chassis.kernel.errors import Forbidden
from crm_gateway.api_keys.rules import (
    ALPHABET,
    SECRET_LENGTH,
    digest_of,
    has_ended,
    is_secret,
    read_key,
    refuse_for_others,
    write_key,
)

secrets = st.text(ALPHABET, min_size=SECRET_LENGTH, max_size=SECRET_LENGTH)
# The names of tests must be the same in every worker.
SOME_ID = uuid.UUID("0190b0c4-7d3a-7c11-9c5e-2f4a6b8c0d1e")
NOON = datetime(2026, 5, 3, 12, tzinfo=UTC)


@given(st.uuids(), secrets)
def test_a_key_is_read_as_it_was_written(key_id, secret):
    assert read_key(write_key(str(key_id), secret)) == (str(key_id), secret)


@given(st.text())
def test_any_other_text_is_no_key(text):
    assert read_key(text) is None
    assert read_key(f"crm_live_{text}") is None


@pytest.mark.parametrize(
    "text",
    [
        f"crm_test_{SOME_ID.hex}_{'a' * 32}",
        f"crm_live_{SOME_ID.hex}_{'a' * 21}",
        f"crm_live_{SOME_ID.hex.upper()}_{'a' * 32}X!",
        f"crm_live_{SOME_ID.hex}_{'a' * 32}\n",
        f" crm_live_{SOME_ID.hex}_{'a' * 32}",
        f"crm_live_{SOME_ID}_{'a' * 32}",
    ],
)
def test_what_only_looks_like_a_key_is_none(text):
    assert read_key(text) is None


def test_a_secret_has_more_than_128_random_bits():
    assert len(ALPHABET) == len(set(ALPHABET)) == 62
    assert len(ALPHABET) ** SECRET_LENGTH > 2**128


@given(secrets, secrets)
def test_only_the_secret_itself_has_its_digest(secret, other):
    assert is_secret(secret, digest_of(secret))
    assert is_secret(other, digest_of(secret)) is (secret == other)
    assert not is_secret(secret, None)


def test_a_key_ends_at_its_end():
    assert not has_ended(None, NOON)
    assert not has_ended(NOON + timedelta(milliseconds=1), NOON)
    assert has_ended(NOON, NOON)


def test_keys_for_others_need_the_right_over_all():
    refuse_for_others("users/a", "users/a", "OWN")
    refuse_for_others("users/b", "users/a", "ALL")

    with pytest.raises(Forbidden):
        refuse_for_others("users/b", "users/a", "TEAM")
    with pytest.raises(Forbidden):
        refuse_for_others("users/b", None, "OWN")
