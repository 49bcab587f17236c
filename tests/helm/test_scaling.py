"""How many pods there are: fixed, by load or by queues, and how many may go at once."""

from pathlib import Path

import pytest
from helm.rendered import MATRIX, PROCESSES, named, names_of, of_case, of_kind, with_values

from events_doc import subscriptions_of
from stack.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_a_budget_never_holds_up_a_drain(replicas, tmp_path):
    documents = with_values(tmp_path, {"processes": {"relay": {"replicas": replicas}}})
    budgets = of_kind(documents, "PodDisruptionBudget")

    relays = {f"crm-{service}-{process}" for service, process in PROCESSES if process == "relay"}
    assert names_of(documents, "PodDisruptionBudget") == (relays if replicas > 1 else set())
    for budget in budgets:
        spec = dict(budget["spec"])
        selector = spec.pop("selector")["matchLabels"]
        deployment = named(documents, "Deployment", budget["metadata"]["name"])
        assert spec == {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
        assert selector == deployment["spec"]["selector"]["matchLabels"]


def test_budgets_can_be_left_out(tmp_path):
    values = {"processes": {"api": {"replicas": 3}}, "podDisruptionBudget": {"enabled": False}}

    assert names_of(with_values(tmp_path, values), "PodDisruptionBudget") == set()


def test_an_autoscaler_alone_decides_on_replicas():
    documents = of_case("autoscaling")
    scaled = {
        one["spec"]["scaleTargetRef"]["name"]: one
        for one in of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject")
    }

    assert scaled.keys() == {
        "crm-contacts-api",
        "crm-gateway-api",
        "crm-sales-consumer",
        "crm-analytics-consumer",
    }
    for deployment in of_kind(documents, "Deployment"):
        name = deployment["metadata"]["name"]
        assert ("replicas" in deployment["spec"]) == (name not in scaled)
    assert scaled["crm-gateway-api"]["spec"]["minReplicas"] == 2
    assert "crm-gateway-api" in names_of(documents, "PodDisruptionBudget")
    assert "crm-sales-consumer" not in names_of(documents, "PodDisruptionBudget")


def test_a_consumer_is_scaled_by_all_of_its_queues():
    documents = of_case("autoscaling")
    scaler = named(documents, "ScaledObject", "crm-sales-consumer")["spec"]

    assert (scaler["minReplicaCount"], scaler["maxReplicaCount"]) == (1, 3)
    assert [one["metadata"]["queueName"] for one in scaler["triggers"]] == [
        "sales.contacts-changed",
        "sales.organizations-changed",
    ]
    for trigger in scaler["triggers"]:
        assert trigger["metadata"]["protocol"] == "http"
        assert trigger["authenticationRef"]["name"] in names_of(documents, "TriggerAuthentication")


def test_the_matrix_knows_every_queue():
    queues: dict[str, set[str]] = {}
    for one in subscriptions_of(ROOT / "services"):
        queues.setdefault(one.service, set()).add(one.queue)

    assert queues
    for service, processes in MATRIX.items():
        assert set(processes.get("consumer", {}).get("queues", [])) == queues.get(service, set())


def test_the_matrix_knows_every_process_of_the_suite():
    assert {service.name: {*service.processes, "migrate"} for service in SERVICES} == {
        service: set(processes) for service, processes in MATRIX.items()
    }


def test_services_select_the_pods_of_their_process_and_are_headless():
    documents = of_case("default")
    services = {one["metadata"]["name"]: one["spec"] for one in of_kind(documents, "Service")}

    entrance = services.pop("crm-gateway")
    assert entrance["ports"][0]["targetPort"] == "http"
    for name, spec in services.items():
        deployment = named(documents, "Deployment", name)
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert spec["clusterIP"] == "None"
        assert spec["selector"].items() <= labels.items()
        assert {one["name"] for one in spec["ports"]} <= {
            one["name"] for one in deployment["spec"]["template"]["spec"]["containers"][0]["ports"]
        }


def test_jobs_are_named_with_the_revision():
    names = names_of(of_case("default"), "Job")

    assert names == {f"crm-{service}-migrate-1" for service in MATRIX}
