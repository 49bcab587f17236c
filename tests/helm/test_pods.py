"""Pods: what they may do, how they are probed, how they end."""

from typing import Any

import pytest
from helm.rendered import CASES, MATRIX, PROCESSES, container, of_case, pod, pods, with_values

from crm_chassis.consuming import runner
from crm_chassis.relay import relay
from crm_chassis.rpc import server as rpc
from crm_gateway import api as gateway
from crm_gateway import server as http

ALLOWED_VOLUMES = {"configMap", "emptyDir", "projected", "secret"}
HANDLERS = {"exec", "grpc", "httpGet", "tcpSocket"}


def violations(template: dict[str, Any]) -> list[str]:
    """What the restricted pod security standard has against a pod, and beyond it what we have."""
    spec = template["spec"]
    security = spec["securityContext"]
    found = [key for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    found += [
        f"volume {volume['name']}"
        for volume in spec["volumes"]
        if not volume.keys() & ALLOWED_VOLUMES
    ]
    if not (security.get("runAsNonRoot") and security.get("runAsUser", 0) > 0):
        found.append("root")
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        found.append("seccomp")
    if spec.get("automountServiceAccountToken") is not False:
        found.append("token")
    for each in spec["containers"] + spec.get("initContainers", []):
        found += [f"{each['name']}: {fault}" for fault in _faults(each)]
    return found


def _faults(each: dict[str, Any]) -> list[str]:
    security = each.get("securityContext", {})
    wanted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    found = [key for key, value in wanted.items() if security.get(key) != value]
    if any("hostPort" in port for port in each.get("ports", [])):
        found.append("hostPort")
    if "memory" not in each.get("resources", {}).get("limits", {}):
        found.append("memory")
    return found


@pytest.mark.parametrize("case", CASES)
def test_all_pods_are_restricted(case):
    found = {name: violations(template) for name, template in pods(of_case(case))}

    assert len(found) > len(PROCESSES)
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize("case", CASES)
def test_processes_have_a_user_that_no_node_knows_and_their_memory_for_themselves(case):
    for _, template in pods(of_case(case)):
        resources = container(template)["resources"]
        variables = container(template).get("env", [])

        assert template["spec"]["securityContext"]["runAsUser"] >= 10_000
        assert resources["limits"]["memory"] == resources["requests"]["memory"]
        assert not [one for one in variables if "valueFrom" in one]


@pytest.mark.parametrize("case", CASES)
def test_addresses_of_services_are_no_settings(case):
    """Kubernetes would make a variable CRM_GATEWAY_PORT, which no process knows."""
    assert all(
        template["spec"]["enableServiceLinks"] is False for _, template in pods(of_case(case))
    )


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        ({"securityContext": {"runAsNonRoot": True}}, "root"),
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}, "volume host"),
        ({"automountServiceAccountToken": True}, "token"),
        ({"containers": [{"name": "bare"}]}, "bare: allowPrivilegeEscalation"),
    ],
)
def test_a_pod_that_may_more_is_found(change, violation):
    template = pod(of_case("default"), "crm-sales-api")

    assert violation in violations({"spec": {**template["spec"], **change}})


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_every_process_has_each_probe_with_one_handler(case, probe):
    for service, process in PROCESSES:
        only = container(pod(of_case(case), f"crm-{service}-{process}"))

        assert len(only[probe].keys() & HANDLERS) == 1


def test_what_decides_on_a_restart_asks_for_no_dependency():
    for service, process in PROCESSES:
        only = container(pod(of_case("default"), f"crm-{service}-{process}"))

        for probe in ("startupProbe", "livenessProbe"):
            assert only[probe]["httpGet"] == {"path": "/livez", "port": "metrics"}


def test_who_answers_grpc_stays_in_dns_while_its_database_is_away():
    for service, process in PROCESSES:
        only = container(pod(of_case("default"), f"crm-{service}-{process}"))
        by_grpc = process == "api" and service != "gateway"

        assert only["readinessProbe"].get("grpc") == ({"port": 50051} if by_grpc else None)


def test_the_grace_period_has_room_for_all_that_happens_in_it(tmp_path):
    values = {"termination": {"preStopSeconds": 17, "marginSeconds": 6}}
    for documents, pre_stop, margin in (
        (of_case("default"), 15, 10),
        (with_values(tmp_path, values), 17, 6),
    ):
        for service, process in PROCESSES:
            template = pod(documents, f"crm-{service}-{process}")
            hook = container(template).get("lifecycle", {}).get("preStop", {})
            waits = hook.get("sleep", {}).get("seconds", 0)

            assert waits == (pre_stop if process == "api" else 0)
            assert template["spec"]["terminationGracePeriodSeconds"] == (
                waits + MATRIX[service][process]["drain"] + margin
            )


def test_no_process_takes_longer_to_end_than_the_matrix_says():
    takes = {"api": rpc.GRACE, "consumer": runner.STOP_WITHIN, "relay": relay.STOP_WITHIN}
    for service, process in PROCESSES:
        if (service, process) != ("gateway", "api"):
            assert MATRIX[service][process]["drain"] >= takes.get(process, 0)
    assert MATRIX["gateway"]["api"]["drain"] >= http.GRACE + gateway.GRACE


def test_pods_spread_and_roll_without_a_gap():
    for document in of_case("default"):
        if document["kind"] != "Deployment":
            continue
        constraints = document["spec"]["template"]["spec"]["topologySpreadConstraints"]

        assert [constraint["topologyKey"] for constraint in constraints] == [
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        ]
        assert all(one["matchLabelKeys"] == ["pod-template-hash"] for one in constraints)
        assert document["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_a_pod_may_have_more_of_its_own():
    documents = of_case("settings")
    worker, relay_ = (pod(documents, f"crm-contacts-{process}") for process in ("worker", "relay"))

    assert worker["spec"]["priorityClassName"] == "batch"
    assert relay_["spec"]["priorityClassName"] == "business"
    assert worker["spec"]["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    assert worker["metadata"]["labels"]["example.com/team"] == "crm"
    assert worker["spec"]["volumes"][0]["emptyDir"] == {"sizeLimit": "1Gi"}
