"""A process that is asked to stop finishes what it has begun: nothing is lost or done again."""

from concurrent.futures import ThreadPoolExecutor

from faults.processes import OURS, begin_of, metric, restart

from crm_chassis.testing.waiting import wait_until

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

    def taken():
        return metric(suite, CONSUMER, "crm_event_handled_total", outcome="ok")

    begin = begin_of(suite, CONSUMER)
    wait_until(lambda: taken() == evidence.archived_since(begin), what="each to be taken once")
    for relay in RELAYS:
        wait_until(
            lambda name=relay: sent_once(suite, evidence, name), what=f"{relay} to send once"
        )


def sent_once(suite, evidence, relay):
    """Whether a relay has sent as many events as it has marked."""
    service = relay.partition("/")[0].replace("-", "_")
    sent = metric(suite, relay, "crm_outbox_published_total")
    return sent == evidence.published_since(service, begin_of(suite, relay))
