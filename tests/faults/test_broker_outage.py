"""Without the broker everybody works on; when it is back, it is told of all that happened."""

from faults.processes import broker_closed, frozen, metric, page

from crm_chassis.testing.waiting import wait_until

AGE = "crm_outbox_oldest_pending_age_seconds"


def test_nobody_notices_that_the_broker_is_closed(ordeal, scale):
    with broker_closed(ordeal.suite):
        work_through_an_outage(ordeal, min(8 * scale, 20))
        wait_until(lambda: page(ordeal.suite, "contacts/relay", "/readyz")[0] == 503)
        assert page(ordeal.suite, "contacts/relay", "/livez")[0] == 200
        assert page(ordeal.suite, "analytics/consumer", "/livez")[0] == 200

    ordeal.end_well()
    wait_until(lambda: metric(ordeal.suite, "contacts/relay", AGE) == 0)


def test_nobody_notices_that_the_broker_does_nothing_for_a_while(ordeal, scale):
    with frozen(ordeal.suite, "rabbitmq"):
        # Longer than a heartbeat in `make verify`: then connections are given up.
        work_through_an_outage(ordeal, min(8 * scale, 80))

    ordeal.end_well()


def work_through_an_outage(ordeal, seconds: float) -> None:
    accepted = ordeal.crowd.accepted
    answers, repeated = accepted.answers, accepted.repeated

    ordeal.crowd.work_on(seconds)

    # On a busy machine a deadline is missed now and then: who needs the broker misses all of them.
    assert 20 * (accepted.repeated - repeated) <= accepted.answers - answers
    assert ordeal.evidence.pending()
    wait_until(lambda: metric(ordeal.suite, "contacts/relay", AGE) > seconds / 2, what="an age")
