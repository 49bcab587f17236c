"""Network policies: what may connect is what the matrix says, and nothing else."""

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from google.api import resource_pb2
from google.protobuf.descriptor import Descriptor
from helm.rendered import (
    CASES,
    MATRIX,
    PROCESSES,
    environment,
    of_case,
    of_kind,
    pods,
    with_values,
)

from crm_chassis.rpc.declarations import Rpc, rpcs_of_peer

PORTS = {"grpc": 50051, "http": 8080, "metrics": 9090}
OUTSIDE = {"mongodb": [27017], "rabbitmq": [5672, 5671], "smtp": [25, 465, 587]}
RESTRICTED = {
    "networkPolicy": {"clients": {"from": [{"podSelector": {"matchLabels": {"app": "x"}}}]}}
}


class Cluster:
    """What the network plugin would make of the policies."""

    def __init__(self, documents):
        self.policies = [one["spec"] for one in of_kind(documents, "NetworkPolicy")]
        self.labels = {name: template["metadata"]["labels"] for name, template in pods(documents)}

    def allows(self, source: str, target: str, port: int) -> bool:
        """Whether one pod of the release gets through to another's port."""
        return self._lets("egress", "to", source, target, port) and self._lets(
            "ingress", "from", target, source, port
        )

    def rules(self, direction: str, name: str) -> list[dict[str, Any]]:
        """The rules that hold for a pod; none where nothing is allowed."""
        policies = [one for one in self.policies if _matches(one["podSelector"], self.labels[name])]
        assert any(direction.capitalize() in policy["policyTypes"] for policy in policies)
        return [rule for policy in policies for rule in policy.get(direction, [])]

    def _lets(self, direction: str, side: str, own: str, other: str, port: int) -> bool:
        return any(
            port in [one["port"] for one in rule["ports"]]
            and (side not in rule or any(_is_peer(peer, self.labels[other]) for peer in rule[side]))
            for rule in self.rules(direction, own)
        )


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return selector["matchLabels"].items() <= labels.items()


def _is_peer(peer: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return peer.keys() == {"podSelector"} and _matches(peer["podSelector"], labels)


def expected() -> set[tuple[str, str, int]]:
    """The connections that the matrix speaks of."""
    allowed = set()
    for service, processes in MATRIX.items():
        for process, facts in processes.items():
            name = f"crm-{service}-{process}"
            allowed |= {(name, f"crm-{peer}-api", 50051) for peer in facts.get("calls", [])}
            if facts.get("watches"):
                allowed |= {(name, f"crm-{one}-{other}", 9090) for one, other in PROCESSES}
    return allowed | {("crm-gateway-test", "crm-gateway-api", 8080)}


def test_between_pods_only_what_the_matrix_says_gets_through(tmp_path):
    cluster = Cluster(with_values(tmp_path, RESTRICTED))
    names = list(cluster.labels)

    allowed = {edge for edge in product(names, names, PORTS.values()) if cluster.allows(*edge)}

    assert len(names) == len(PROCESSES) + 7
    assert allowed == expected()


@pytest.mark.parametrize("service_process", PROCESSES, ids="/".join)
def test_out_of_the_release_only_what_the_matrix_says_gets_through(service_process):
    service, process = service_process
    rules = Cluster(of_case("default")).rules("egress", f"crm-{service}-{process}")
    others = [rule for rule in rules if not _is_within(rule)]
    wanted = [OUTSIDE[need] for need in MATRIX[service][process]["needs"] if need in OUTSIDE]

    assert [[one["port"] for one in rule["ports"]] for rule in others] == [[53, 53], *wanted]
    assert [one["protocol"] for one in others[0]["ports"]] == ["UDP", "TCP"]


def test_jobs_reach_the_database_only_and_nobody_reaches_them():
    cluster = Cluster(of_case("default"))
    rules = cluster.rules("egress", "crm-sales-migrate-1")

    assert [[one["port"] for one in rule["ports"]] for rule in rules] == [[53, 53], [27017]]
    assert cluster.rules("ingress", "crm-sales-migrate-1") == []


def test_outside_is_where_the_values_say():
    rules = Cluster(of_case("production")).rules("egress", "crm-sales-relay")
    places = {rule["ports"][0]["port"]: rule.get("to") for rule in rules}

    assert places[27017] == [{"ipBlock": {"cidr": "10.20.0.0/24"}}]
    assert 5672 not in places
    assert places[5671][0].keys() == {"namespaceSelector"}


def test_only_who_is_named_may_call_and_scrape():
    cluster = Cluster(of_case("production"))
    ingress = {
        tuple(one["port"] for one in rule["ports"]): rule.get("from")
        for rule in cluster.rules("ingress", "crm-gateway-api")
    }
    own, others = ingress[8080,][:1], ingress[8080,][1:]

    assert _is_peer(own[0], cluster.labels["crm-gateway-test"])
    assert others == [_namespace("ingress")]
    assert _namespace("monitoring") in ingress[9090,]


def test_probes_come_from_the_nodes_where_the_plugin_wants_to_be_told():
    rules = Cluster(of_case("settings")).rules("ingress", "crm-sales-api")

    nodes = {
        "from": [{"ipBlock": {"cidr": "10.0.0.0/16"}}],
        "ports": [{"port": 9000}, {"port": 6000}],
    }
    assert nodes in rules


def test_traces_and_prometheus_have_a_way_only_where_they_are_named():
    def ports(case, name):
        return [rule["ports"][0]["port"] for rule in Cluster(of_case(case)).rules("egress", name)]

    assert 4318 in ports("monitoring", "crm-sales-relay")
    assert 4318 not in ports("default", "crm-sales-relay")
    assert 9090 in ports("settings", "crm-gateway-api")
    assert 9090 not in ports("settings", "crm-sales-api")


@pytest.mark.parametrize("case", CASES)
def test_every_host_that_a_process_is_told_is_one_it_may_reach(case):
    documents = of_case(case)
    cluster = Cluster(documents)
    told = 0
    for service, process in PROCESSES:
        name = f"crm-{service}-{process}"
        for value in environment(documents, name).values():
            for host, port in re.findall(r"\b(crm-[a-z-]+):(\d+)", value):
                told += 1
                assert cluster.allows(name, host, int(port))
    assert told >= len(PROCESSES)


def test_who_checks_references_may_call_their_owner():
    owners = {
        _resource(rpc.descriptor.output_type): service
        for service in MATRIX
        for rpc in _own_rpcs(service)
        if rpc.name == f"Get{rpc.descriptor.output_type.name}"
    }
    asked = {service: {owners[one] for one in _referred(service)} - {service} for service in MATRIX}

    assert asked["sales"] == {"contacts"}
    for service, called in asked.items():
        assert called <= set(MATRIX[service]["api"].get("calls", []))


def _referred(service: str) -> set[str]:
    """The types of resources that requests to a service name."""
    found: set[str] = set()
    waiting = [rpc.descriptor.input_type for rpc in _own_rpcs(service)]
    seen = set()
    while waiting:
        message = waiting.pop()
        if message.full_name in seen:
            continue
        seen.add(message.full_name)
        for field in message.fields:
            if field.message_type is not None:
                waiting.append(field.message_type)
            reference = field.GetOptions().Extensions[resource_pb2.resource_reference]
            found |= {reference.type} - {"", "*"}
    return found


def _own_rpcs(service: str) -> list[Rpc]:
    """Those that it does not share with all the others."""
    package = f"crm.{service.replace('-', '_')}.v1."
    return [rpc for rpc in rpcs_of_peer(service) if rpc.descriptor.full_name.startswith(package)]


def _resource(message: Descriptor) -> str:
    return str(message.GetOptions().Extensions[resource_pb2.resource].type)


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _is_within(rule: Mapping[str, Any]) -> bool:
    return any("podSelector" in peer for peer in rule.get("to", []))
