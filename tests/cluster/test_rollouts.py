"""Every pod of the suite is replaced while it is used, and nobody notices."""

from cluster.installation import DEPLOYMENTS, Installation
from cluster.pressure import pressure
from faults.evidence import Evidence, assert_books_balance

from deployment.lifecycle import DATA, SUITE

CONSUMERS = [name for name in DEPLOYMENTS if name.endswith("-consumer")]
RELAYS = [name for name in DEPLOYMENTS if name.endswith("-relay")]
WORKERS = [name for name in DEPLOYMENTS if name.endswith("-worker")]
SERVERS = [name for name in DEPLOYMENTS if name.endswith("-api")]
JOURNAL = f"{SUITE}-analytics-consumer"
REDELIVERED = """
lists:sum([maps:get(messages_redelivered_total, Counters, 0)
           || {_, Counters} <- maps:to_list(rabbit_global_counters:overview())]).
"""


def redelivered(installation: Installation) -> int:
    """How many messages the broker has delivered again since it began."""
    broker = f"{DATA}-rabbitmq-0"
    return int(installation.kubectl("exec", broker, "--", "rabbitmqctl", "eval", REDELIVERED))


def taken(installation: Installation) -> float:
    """How many events the consumer that takes all of them was given since it began."""
    [pod] = installation.pods_of(JOURNAL)
    return installation.metric(pod, "crm_event_handled_total")


def archived(evidence: Evidence) -> int:
    """How many different events it has kept, ever."""
    return int(evidence.mongo["crm_analytics"]["journal"].count_documents({}))


def test_no_request_fails_and_no_event_comes_again_while_every_deployment_is_rolled(
    installation, evidence
):
    before = redelivered(installation)
    with pressure(installation) as requests:
        installation.roll(*CONSUMERS)
    requests.assert_nothing_failed()
    evidence.settle()
    twice = taken(installation) - archived(evidence)

    with pressure(installation) as requests:
        for names in (RELAYS, WORKERS, *([name] for name in SERVERS)):
            installation.roll(*names)
    requests.assert_nothing_failed()
    evidence.settle()

    assert taken(installation) - archived(evidence) == twice
    assert redelivered(installation) == before
    assert_books_balance(evidence)
