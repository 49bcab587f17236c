"""A process that is asked to stop finishes what it has begun: nothing is lost or done again."""

from faults.processes import OURS, begin_of, metric, restart

CONSUMER = "analytics/consumer"
RELAYS = ("contacts/relay", "gateway/relay")
# The consumer first: from then on it counts what others send again.
IN_TURN = (CONSUMER, *(name for name in OURS if name != CONSUMER))
WORKING = 0.5


def test_no_event_is_sent_or_delivered_again_when_processes_are_asked_to_stop(ordeal, scale):
    suite, evidence = ordeal.suite, ordeal.evidence
    for _ in range(max(1, int(scale / 4))):
        for name in IN_TURN:
            restart(suite, name)
            ordeal.crowd.work_on(WORKING)

    ordeal.end_well()
    taken = metric(suite, CONSUMER, "crm_event_handled_total")
    assert taken == evidence.archived_since(begin_of(suite, CONSUMER))
    for relay in RELAYS:
        sent = metric(suite, relay, "crm_outbox_published_total")
        assert sent == evidence.published_since(relay.partition("/")[0], begin_of(suite, relay))
