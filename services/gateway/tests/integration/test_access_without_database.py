"""Who asks, while the database is away."""

import uuid

import pytest

from crm_chassis.kernel.errors import Unavailable
from crm_chassis.mongo import connection
from crm_chassis.testing.grpc import make_keys
from crm_chassis.testing.ports import free_ports
from crm_gateway.access.authentication import Authenticator
from crm_gateway.access.identities import Identities
from crm_gateway.access.last_uses import LastUses
from crm_gateway.api_keys.rules import write_key


@pytest.fixture
def nothing_answers():
    uri = f"mongodb://127.0.0.1:{free_ports(1)[0]}"
    connection.connect(uri, "crm_gateway", serverSelectionTimeoutMS=100)
    yield
    connection.disconnect()


def test_without_the_database_nobody_is_told_that_their_key_is_wrong(nothing_answers, tmp_path):
    authenticator = Authenticator(make_keys(tmp_path).signer(), Identities(), LastUses())
    key = write_key(str(uuid.uuid4()), "a" * 32)

    with pytest.raises(Unavailable) as refused:
        authenticator.token(f"Bearer {key}")

    assert refused.value.retry_after
