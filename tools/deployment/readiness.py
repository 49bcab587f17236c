"""What of the releases is not ready yet, and whether it can still become so."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from deployment.cluster import Cluster
from deployment.programs import DeploymentError, say

KINDS = "deployments,statefulsets,jobs,pods"
INSTANCE = "app.kubernetes.io/instance"
# A container that waits for one of these for long does not start by waiting longer.
HOPELESS = frozenset(
    [
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
    ]
)
HOPE = 15.0
PATIENCE = 300.0
PAUSE = 1.0
TELL_EVERY = 10.0
SHOWN = 6
LINES = "15"

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Wait:
    """Something that is waited for. `reason` is why it will not come, where that is known."""

    name: str
    reason: str = ""
    pod: str = ""


def wait_until_ready(cluster: Cluster, releases: Iterable[str]) -> None:
    """Wait until every workload of the releases is as it should be.

    Raises:
        DeploymentError: one is not, and will not be; names it and tells the end of its log.
    """
    selector = selector_of(releases)
    began = hopeful = time.monotonic()
    told = began - TELL_EVERY / 2
    while late := waits(cluster.list(KINDS, selector)):
        moment = time.monotonic()
        troubled = [wait for wait in late if wait.reason]
        hopeful = hopeful if troubled else moment
        if moment > hopeful + HOPE or moment > began + PATIENCE:
            _give_up(cluster, (troubled or late)[0])
        if moment > told + TELL_EVERY:
            say(_progress(late))
            told = moment
        time.sleep(PAUSE)


def wait_until_gone(cluster: Cluster, releases: Iterable[str]) -> None:
    """Wait until the last pod of the releases has ended.

    Raises:
        DeploymentError: one does not end.
    """
    selector = selector_of(releases)
    end = time.monotonic() + PATIENCE
    while pods := cluster.list("pods", selector):
        if time.monotonic() > end:
            message = f"{pods[0]['metadata']['name']} does not end."
            raise DeploymentError(message)
        time.sleep(PAUSE)


def selector_of(releases: Iterable[str]) -> str:
    """What tells the objects of these releases from all others."""
    return f"{INSTANCE} in ({','.join(releases)})"


def _progress(late: list[Wait]) -> str:
    names = [wait.name for wait in late]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"Waiting for {', '.join(names[:SHOWN])}{more} ..."


def waits(objects: list[dict[str, Any]]) -> list[Wait]:
    """What is not ready of workloads and their pods; first what is in trouble."""
    late = [Wait(_name(one), _failure(one)) for one in objects if not _is_ready(one)]
    pods = [one for one in objects if one["kind"] == "Pod" and late]
    return [wait for pod in pods for wait in _troubles(pod)] + late


def _is_ready(one: Object) -> bool:
    wanted, status = one["spec"].get("replicas", 1), one["status"]
    if one["kind"] == "Job":
        return bool(status.get("succeeded"))
    if one["kind"] == "Pod":
        return True
    figures = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")]
    is_seen = status.get("observedGeneration", 0) >= one["metadata"]["generation"]
    return is_seen and figures == [wanted] * 3


def _failure(one: Object) -> str:
    """Why the cluster has given it up."""
    for condition in one["status"].get("conditions", []):
        if condition["type"] in ("Failed", "ReplicaFailure") and condition["status"] == "True":
            return str(condition.get("message") or condition.get("reason"))
    return ""


def _troubles(pod: Object) -> Iterable[Wait]:
    statuses = pod["status"]
    for container in [
        *statuses.get("initContainerStatuses", []),
        *statuses.get("containerStatuses", []),
    ]:
        waiting = container["state"].get("waiting", {})
        if waiting.get("reason") in HOPELESS:
            said = waiting.get("message") or waiting["reason"]
            yield Wait(_name(pod), f"{container['name']}: {said}", pod["metadata"]["name"])


def _name(one: Object) -> str:
    name = str(one["metadata"]["name"])
    return f"job {name}" if one["kind"] == "Job" else name


def _give_up(cluster: Cluster, wait: Wait) -> NoReturn:
    message = f"{wait.name} is not ready ({wait.reason or 'it takes too long'})."
    pod = wait.pod or _pod_of(cluster, wait.name)
    if pod:
        log = cluster.kubectl("logs", pod, "--all-containers", "--tail", LINES, "--ignore-errors")
        message += f" The end of the log of {pod}:\n{log.strip() or 'nothing'}"
    raise DeploymentError(message)


def _pod_of(cluster: Cluster, workload: str) -> str:
    """A pod of a workload, the newest first; nothing where it has none."""
    told = cluster.kubectl(
        *("get", "pods", "--sort-by", ".metadata.creationTimestamp", "--output", "name")
    )
    named = [name for name in told.split() if workload.removeprefix("job ") in name]
    return named[-1] if named else ""
