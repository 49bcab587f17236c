"""What the pods of the suite use, as the cluster's metrics tell: `python -m deployment usage`."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

from deployment.cluster import Cluster

SELECTOR = "app.kubernetes.io/name=crm,crm/process!=migrate"
COMPONENT = "app.kubernetes.io/component"
MEBIBYTE = 1024 * 1024
PAUSE = 5.0
_PARTS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "Ki": 1024, "Mi": 1024**2, "Gi": 1024**3}


@dataclass(frozen=True)
class Usage:
    """Cores and bytes of one pod."""

    cores: float
    memory: float

    def most(self, other: "Usage") -> "Usage":
        return Usage(max(self.cores, other.cores), max(self.memory, other.memory))


def usage(cluster: Cluster) -> dict[str, Usage]:
    """What a pod of each process uses now, the one that uses most; by `contacts-api`."""
    found: dict[str, Usage] = {}
    for component, used in _pods(cluster):
        found[component] = used.most(found.get(component, used))
    return found


def peaks(cluster: Cluster, seconds: float) -> dict[str, Usage]:
    """The most that each process used within so many seconds."""
    end = time.monotonic() + seconds
    found = usage(cluster)
    while time.monotonic() < end:
        time.sleep(PAUSE)
        for component, used in usage(cluster).items():
            found[component] = used.most(found.get(component, used))
    return found


def table(found: dict[str, Usage]) -> str:
    """The same for a page of documentation."""
    lines = ["| process | CPU | memory |", "|---|---|---|"]
    lines += [
        f"| {component} | {used.cores * 1000:.0f}m | {used.memory / MEBIBYTE:.0f} Mi |"
        for component, used in sorted(found.items())
    ]
    return "\n".join(lines)


def _pods(cluster: Cluster) -> Iterator[tuple[str, Usage]]:
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{cluster.namespace}/pods"
    told = json.loads(cluster.kubectl("get", "--raw", path))["items"]
    labels = {
        pod["metadata"]["name"]: pod["metadata"]["labels"] for pod in cluster.list("pods", SELECTOR)
    }
    for pod in told:
        name = pod["metadata"]["name"]
        if name in labels:
            used = [container["usage"] for container in pod["containers"]]
            cores = sum(amount(one["cpu"]) for one in used)
            memory = sum(amount(one["memory"]) for one in used)
            yield labels[name][COMPONENT], Usage(cores, memory)


def amount(quantity: str) -> float:
    """Kubernetes' way to write an amount, as a number."""
    number = quantity.rstrip("numKMGi")
    return float(number) * _PARTS.get(quantity[len(number) :], 1)
