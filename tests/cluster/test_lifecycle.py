"""From nothing to the suite, to the next release and back, and to nothing again."""

import time

import pytest
from cluster.installation import OURS, Installation
from cluster.pressure import pressure

from crm_chassis.testing.waiting import wait_until
from deployment.images import Names, builder
from deployment.lifecycle import DATA, SUITE, Deployment, hand_over, install, prepare, undeploy
from deployment.programs import call
from stack.services import SERVICES

READY_WITHIN = 90.0
# Longer than any probe is patient, shorter than a migration is.
WITHOUT_SERVERS = 45.0
MIGRATION = "9999_mark"
MIGRATE = '''"""Leaves a mark."""


def up(database):
    database["marks"].update_one({"_id": 1}, {"$set": {"is_there": True}}, upsert=True)
'''
EVERY_NAMESPACE_HAS = {"configmap/kube-root-ca.crt", "serviceaccount/default"}


def not_ready(installation: Installation) -> list[str]:
    """The pods of the suite that run and are not ready."""
    return [
        pod["metadata"]["name"]
        for pod in installation.pods(f"{OURS},crm/process!=migrate")
        if pod["status"]["phase"] == "Running"
        and not any(one["ready"] for one in pod["status"]["containerStatuses"])
    ]


def test_processes_wait_alive_and_not_ready_for_servers_that_come_later(namespace):
    undeploy(namespace.deployment)
    prepare(namespace.deployment)
    install(namespace.deployment, SUITE)
    everybody = sum(len(service.processes) for service in SERVICES)
    wait_until(lambda: len(not_ready(namespace)) == everybody, 120, 1, "every process to run")

    end = time.monotonic() + WITHOUT_SERVERS
    while time.monotonic() < end:
        assert len(not_ready(namespace)) == everybody
        time.sleep(1)
    install(namespace.deployment, DATA)
    namespace.wait_until_ready()

    assert namespace.restarts() == {}


def test_from_the_installation_to_all_ready_it_does_not_take_long(namespace):
    undeploy(namespace.deployment)
    prepare(namespace.deployment)

    began = time.monotonic()
    for release in namespace.deployment.charts:
        install(namespace.deployment, release)
    namespace.wait_until_ready()

    assert time.monotonic() - began < READY_WITHIN
    assert namespace.restarts() == {}


@pytest.fixture
def next_release(installation, tmp_path):
    """The suite with one more migration of contacts, in images of another tag."""
    names = installation.deployment.names
    following = Names(names.registry, f"{names.tag}-next")
    chosen = builder()
    (tmp_path / f"{MIGRATION}.py").write_text(MIGRATE, encoding="utf-8")
    folder = "/opt/crm/code/crm_contacts/migrations/"
    lines = [f"FROM {names.of('contacts')}", f"COPY {MIGRATION}.py {folder}"]
    (tmp_path / "Dockerfile").write_text("\n".join(lines), encoding="utf-8")
    call([chosen, "build", "--tag", following.of("contacts"), str(tmp_path)])
    for service in SERVICES:
        if service.name != "contacts":
            call([chosen, "tag", names.of(service.name), following.of(service.name)])
    made = installation.deployment
    deployment = Deployment(made.cluster, following, made.layout)
    hand_over(deployment)
    yield deployment
    call([chosen, "rmi", *following.all()])


def test_nobody_notices_an_upgrade_with_a_migration_or_its_rollback(
    installation, next_release, evidence
):
    migrations = evidence.mongo["crm_contacts"]["migrations"]
    migrations.delete_one({"_id": MIGRATION})
    helm = installation.deployment.cluster.helm

    with pressure(installation) as requests:
        install(next_release, SUITE)
        installation.wait_until_ready()
        assert migrations.count_documents({"_id": MIGRATION}) == 1
        helm("test", SUITE)
        helm("rollback", SUITE)
        installation.wait_until_ready()
        helm("test", SUITE)

    requests.assert_nothing_failed()
    images = {pod["spec"]["containers"][0]["image"] for pod in installation.pods()}
    assert images == set(installation.deployment.names.all())


def test_nothing_but_volumes_is_left_when_the_suite_is_taken_away(installation):
    installation.deployment.cluster.helm("test", SUITE)

    undeploy(installation.deployment)

    kinds = installation.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name")
    wanted = ",".join(kind for kind in kinds.split() if not kind.startswith("events"))

    def left():
        found = set(installation.kubectl("get", wanted, "--output", "name").split())
        return {one for one in found - EVERY_NAMESPACE_HAS if not one.startswith("persistentvol")}

    wait_until(lambda: not left(), 60, 1, "the last objects to go")
    assert installation.kubectl("get", "persistentvolumeclaims", "--output", "name").split()
