"""Several pods of a process share its work as one would do it alone."""

from cluster.installation import Installation
from cluster.pressure import pressure
from faults.clients import IMPORTED, Crowd, start_import
from faults.evidence import assert_all_is_well, assert_import_is_done

from crm_chassis.testing.waiting import wait_until
from deployment.lifecycle import SUITE, install

REPLICAS = 3
# What a pod of each has counted when it has done something.
WORKED = {
    "api": "crm_grpc_server_handled_total",
    "relay": "crm_outbox_published_total",
    "consumer": "crm_event_handled_total",
}
# Callers look for new pods when a connection ends, which is every few seconds.
FOUND_WITHIN = 120.0


def idle(installation: Installation, *processes: str) -> list[str]:
    """The pods of these processes of contacts that have not done anything yet."""
    return [
        pod
        for process in processes
        for pod in installation.pods_of(f"{SUITE}-contacts-{process}")
        if not installation.metric(pod, WORKED[process])
    ]


def test_three_pods_of_each_process_keep_order_and_do_everything_once(
    installation, suite, evidence, word
):
    told = [f"services.contacts.{process}.replicas={REPLICAS}" for process in WORKED]
    install(installation.deployment, SUITE, "--set", ",".join(told))
    installation.wait_until_ready()

    with Crowd(suite, word).at_work() as crowd:
        running = start_import(crowd.client(), word, IMPORTED)
        wait_until(lambda: not idle(installation, *WORKED), FOUND_WITHIN, 2, "work for all")
        assert_import_is_done(running)
        crowd.stop()

    for process in WORKED:
        assert len(installation.pods_of(f"{SUITE}-contacts-{process}")) == REPLICAS
    assert_all_is_well(evidence, crowd.accepted, running)


def test_an_autoscaler_adds_pods_under_load_and_they_work(installation):
    name = f"{SUITE}-contacts-api"
    told = {"type": "cpu", "minReplicas": 1, "maxReplicas": 2, "target": 10}
    values = [f"services.contacts.api.autoscaling.{key}={value}" for key, value in told.items()]
    install(installation.deployment, SUITE, "--set", ",".join(values))
    installation.wait_until_ready()

    with pressure(installation) as requests:
        wait_until(lambda: len(installation.pods_of(name)) == 2, 240, 2, "another pod")
        installation.wait_until_ready()
        wait_until(lambda: not idle(installation, "api"), FOUND_WITHIN, 2, "work for both")

    requests.assert_nothing_failed()
