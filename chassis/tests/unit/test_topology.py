"""What is declared on the broker: durable quorum queues, each with a limit and somewhere to go."""

import pytest

from crm_chassis.events import topology


class Recording:
    """A channel that keeps what is declared."""

    def __init__(self):
        self.exchanges, self.queues, self.bindings = {}, {}, []

    def exchange_declare(self, exchange, kind, arguments):
        self.exchanges[exchange] = kind

    def queue_declare(self, queue, arguments):
        self.queues[queue] = arguments

    def queue_bind(self, queue, exchange, routing_key):
        self.bindings.append((queue, exchange, routing_key))


def declared(*parts):
    channel = Recording()
    for part in parts:
        part.declare(channel)
    return channel


def test_a_subscription_is_named_by_service_and_method_and_bound_by_its_patterns():
    queue = topology.subscription("service-desk", "contacts_changed", ["crm.contacts.contact.*.v1"])

    channel = declared(topology.EVENTS, queue)

    assert channel.exchanges == {"crm.events": "topic"}
    assert channel.bindings == [
        ("service-desk.contacts-changed", "crm.events", "crm.contacts.contact.*.v1")
    ]


def test_every_queue_is_a_quorum_queue_and_none_drops_a_message():
    parts = [
        topology.subscription("sales", "contacts_changed", ["crm.#"]),
        *topology.retries("sales"),
        topology.dead_letters("sales"),
    ]

    queues = declared(*parts).queues

    assert all(arguments["x-queue-type"] == "quorum" for arguments in queues.values())
    passing_on = {name for name, told in queues.items() if "x-dead-letter-exchange" in told}
    assert passing_on == queues.keys() - {"sales.dlq"}
    for name in passing_on:
        assert queues[name]["x-dead-letter-strategy"] == "at-least-once"
        assert queues[name]["x-overflow"] == "reject-publish"
    assert queues["sales.contacts-changed"]["x-delivery-limit"] == 20
    assert queues["sales.contacts-changed"]["x-dead-letter-routing-key"] == "sales.dlq"


def test_retry_tiers_hand_a_message_back_to_the_queue_that_its_key_names():
    channel = declared(*topology.retries("sales"))

    waits = {name: told["x-message-ttl"] for name, told in channel.queues.items()}
    assert waits == {
        "sales.retry.5s": 5_000,
        "sales.retry.30s": 30_000,
        "sales.retry.2m": 120_000,
        "sales.retry.10m": 600_000,
        "sales.retry.1h": 3_600_000,
    }
    assert all("x-dead-letter-routing-key" not in told for told in channel.queues.values())
    assert set(channel.exchanges.values()) == {"fanout"}


def test_another_wait_is_another_queue():
    assert topology.retry_name("sales", 0.25) == "sales.retry.250ms"
    assert topology.retry_name("sales", 90) == "sales.retry.90s"


@pytest.mark.parametrize(
    ("pattern", "taken", "left"),
    [
        ("crm.contacts.contact.*.v1", "crm.contacts.contact.merged.v1", "crm.contacts.contact.v1"),
        ("crm.#", "crm.sales.deal.won.v1", "crmx.sales"),
        ("#.v1", "crm.sales.deal.won.v1", "crm.sales.deal.won.v2"),
        ("crm.#.v1", "crm.v1", "crm"),
        ("*.*", "a.b", "a"),
    ],
)
def test_patterns_match_as_the_broker_matches(pattern, taken, left):
    assert topology.matches(pattern, taken)
    assert not topology.matches(pattern, left)
