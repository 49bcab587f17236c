"""The servers for development: restricted, closed to strangers, without secrets of their own."""

from typing import Any

import pytest
import yaml
from helm.kinds import complaint
from helm.rendered import named, of_kind

from chart.places import CHARTS
from chart.rendering import RenderError, render, template

DATA = CHARTS / "crm-data-dev"
SERVERS = ("mongodb", "rabbitmq", "smtp")
WRONG = {
    "a key that nobody knows": ["--set", "replicas=3"],
    "a misspelt key": ["--set", "mongodb.cacheGb=2"],
    "a cache that is too small": ["--set", "mongodb.cacheGB=0.1"],
    "an image that is none": ["--set", "images.mongodb=mongo latest"],
    "storage that is no quantity": ["--set-string", "rabbitmq.storage=8 GB"],
    "resources that nobody knows": ["--set", "smtp.resources.limit.memory=1Gi"],
}


def documents() -> list[dict[str, Any]]:
    return render(DATA, release="crm-data")


def pods() -> list[dict[str, Any]]:
    kinds = ("StatefulSet", "Deployment", "Job")
    return [one["spec"]["template"]["spec"] for one in of_kind(documents(), *kinds)]


def test_kubernetes_takes_every_document():
    assert [told for told in map(complaint, documents()) if told] == []


@pytest.mark.parametrize("told", WRONG.values(), ids=WRONG.keys())
def test_values_that_cannot_be_right_are_refused(told):
    with pytest.raises(RenderError, match="schema"):
        template(DATA, (), *told)


def test_every_pod_keeps_to_the_restricted_standard():
    for pod in pods():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


def test_no_secret_is_in_the_chart_or_in_a_variable():
    assert of_kind(documents(), "Secret") == []
    for pod in pods():
        for container in pod["containers"]:
            names = {variable["name"] for variable in container.get("env", [])}
            assert names <= {"HOME", "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"}


def test_everything_is_forbidden_but_what_the_suite_needs():
    policies = of_kind(documents(), "NetworkPolicy")
    deny = named(documents(), "NetworkPolicy", "crm-data-deny")

    assert deny["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & deny["spec"].keys()
    for server in SERVERS:
        (rule,) = named(policies, "NetworkPolicy", f"crm-data-{server}")["spec"]["ingress"]
        assert len(rule["ports"]) == 1
        assert all("podSelector" in peer for peer in rule["from"])


def test_the_suite_is_told_of_pods_and_ports_that_there_are():
    told = yaml.safe_load((DATA / "crm-values.yaml").read_text(encoding="utf-8"))["networkPolicy"]
    workloads = of_kind(documents(), "StatefulSet", "Deployment")
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in workloads]

    for server in SERVERS:
        (peer,) = told[server]["to"]
        wanted = peer["podSelector"]["matchLabels"].items()
        assert len([one for one in labels if wanted <= one.items()]) == 1
    service = named(documents(), "Service", "crm-data-smtp")
    assert told["smtp"]["ports"] == [service["spec"]["ports"][0]["port"]]


def test_whoever_installs_it_is_told_what_it_is_not():
    notes = (DATA / "templates" / "NOTES.txt").read_text(encoding="utf-8")

    assert "development only" in notes
    assert "no backup, no high availability" in notes
