"""A process that is asked to stop finishes what it has begun: nothing is lost or done again."""

from concurrent.futures import ThreadPoolExecutor

from faults.processes import OURS, begin_of, metric, restart

CONSUMER = "analytics/consumer"
RELAYS = [name for name in OURS if name.endswith("/relay")]
TOGETHER = 4
WORKING = 0.5


def batched_in_turn() -> list[list[str]]:
    """Some processes at a time; first the consumer that then counts what others send again."""
    others = [name for name in OURS if name != CONSUMER]
    return [[CONSUMER], *(others[i : i + TOGETHER] for i in range(0, len(others), TOGETHER))]


def test_no_event_is_sent_or_delivered_again_when_processes_are_asked_to_stop(ordeal, scale):
    suite, evidence = ordeal.suite, ordeal.evidence
    for _ in range(max(1, int(scale / 4))):
        for names in batched_in_turn():
            with ThreadPoolExecutor(len(names)) as threads:
                list(threads.map(lambda name: restart(suite, name), names))
            ordeal.crowd.work_on(WORKING)

    ordeal.end_well()
    taken = metric(suite, CONSUMER, "crm_event_handled_total")
    assert taken == evidence.archived_since(begin_of(suite, CONSUMER))
    for relay in RELAYS:
        sent = metric(suite, relay, "crm_outbox_published_total")
        service = relay.partition("/")[0].replace("-", "_")
        assert sent == evidence.published_since(service, begin_of(suite, relay))
