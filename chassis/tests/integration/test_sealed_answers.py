"""The answers to idempotency keys, as the database has them."""

import pytest
from cryptography.exceptions import InvalidTag

from crm_chassis.kernel.errors import KeyReused
from crm_chassis.mongo import idempotency
from crm_chassis.mongo.connection import client
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.mongo.idempotency import Replay, asked_with, recall
from crm_chassis.telemetry.context import Idempotency

SCOPE = "apiKeys/1\0/crm.gateway.v1.ApiKeyService/CreateApiKey\0my-key"
ANSWER = b"the answer with its secret"

pytestmark = pytest.mark.usefixtures("database")


def remember(asked, answer=ANSWER):
    with client().start_session() as session, session.start_transaction():
        idempotency.remember(asked, answer, session)


def test_whoever_repeats_the_request_reads_the_answer_and_the_database_does_not():
    remember(asked_with(SCOPE, "same"))

    with pytest.raises(Replay) as replayed:
        recall(asked_with(SCOPE, "same"))

    row = service_database()["idempotency"].find_one()
    assert replayed.value.answer == ANSWER
    assert ANSWER not in row["answer"]
    assert "my-key" not in repr(row)


def test_an_answer_is_sealed_otherwise_each_time():
    remember(asked_with(SCOPE, "same"))
    remember(asked_with(SCOPE + "-2", "same"))

    first, second = service_database()["idempotency"].find()

    assert first["answer"] != second["answer"]


def test_another_request_learns_nothing_of_the_answer():
    remember(asked_with(SCOPE, "same"))

    with pytest.raises(KeyReused):
        recall(asked_with(SCOPE, "other"))


def test_with_another_sealing_key_the_answer_stays_closed():
    asked = asked_with(SCOPE, "same")
    remember(asked)

    with pytest.raises(InvalidTag):
        recall(Idempotency(asked.key_digest, "same", bytes(32)))


def test_the_sealing_key_is_never_shown():
    asked = asked_with(SCOPE, "same")

    assert asked.sealing_key.hex() not in repr(asked)
    assert repr(asked.sealing_key) not in repr(asked)
