"""What nobody can read is kept byte for byte until somebody decides; its neighbours pass by."""

import base64
import os
from collections.abc import Iterator
from typing import Any

import pytest
from faults.clients import insisting

from crm_chassis.events.topology import DIRECTLY, EXCHANGE
from crm_chassis.testing.messages import Broker
from crm_chassis.testing.waiting import wait_until

QUEUE = "analytics.anything-happened"
# Only analytics takes this.
KEY = "crm.gateway.team.updated.v1"
BODIES = {
    "random bytes": os.urandom(3_000),
    "no JSON": b'{"specversion": "1.0", "id": ',
    "no event": b'{"hello": ["world"]}',
    "nothing": b"",
}


@pytest.fixture
def broker(suite) -> Iterator[Broker]:
    broker = Broker(suite.env["CRM_RABBITMQ_URI"])
    yield broker
    broker.close()


@pytest.fixture
def only_letter(evidence):
    """The one dead letter that came about."""

    def found() -> dict[str, Any] | None:
        letters = evidence.dead_letters()
        assert len(letters) <= 1
        return letters[0] if letters else None

    return found


@pytest.mark.parametrize("exchange", [EXCHANGE, DIRECTLY], ids=["exchange", "queue"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_message_that_nobody_can_read_is_listed_byte_for_byte(
    broker, crowd, only_letter, body, exchange
):
    broker.send(exchange, KEY if exchange else QUEUE, body, content_type="text/plain")

    letter = wait_until(only_letter)
    name = letter["name"]
    assert name.startswith("deadLetters/analytics.")
    assert base64.b64decode(letter["body"]) == body
    told = {key: letter[key] for key in ("service", "queue", "reason", "state", "attempts")}
    assert told == {
        "service": "analytics",
        "queue": QUEUE,
        "reason": "UNDECODABLE",
        "state": "DEAD",
        "attempts": 1,
    }
    assert letter["contentType"] == "text/plain"
    crowd.client().get(name)


def test_a_dead_letter_is_parked_replayed_in_vain_and_discarded(suite, broker, only_letter):
    client = insisting(suite).client
    broker.send(DIRECTLY, QUEUE, os.urandom(100))
    letter = wait_until(only_letter)
    path = f"/v1/{letter['name']}"

    parked = client.post(f"{path}:park").ok()
    replayed = client.post(f"{path}:replay").ok()
    again = wait_until(lambda: (seen := only_letter()) and seen["attempts"] == 2 and seen)
    discarded = client.post(f"{path}:discard").ok()

    assert [one["state"] for one in (parked, replayed, again)] == ["PARKED", "REPLAYED", "DEAD"]
    assert {**again, "lastTime": "", "attempts": 1} == {**letter, "lastTime": ""}
    assert discarded["state"] == "DISCARDED"
    assert client.post(f"{path}:replay").status == 422
    assert client.get(path).ok()["body"] == letter["body"]


def test_neighbours_of_what_nobody_can_read_are_taken_as_if_it_were_not_there(
    ordeal, broker, scale
):
    count = int(20 * scale)
    for number in range(count):
        broker.send(EXCHANGE, KEY, f"nothing {number}".encode())
        ordeal.crowd.work_on(2 / count)

    letters = wait_until(lambda: len(found := ordeal.evidence.dead_letters()) == count and found)
    for letter in letters:
        ordeal.crowd.client().post(f"{letter['name']}:discard", {})
    ordeal.end_well()
