"""The suite in a cluster, as a test sees it: pods, what runs in them, and a suite to ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from crm_chassis.testing.suite import Suite
from crm_chassis.testing.waiting import wait_until
from deployment.cluster import MARK
from deployment.credentials import BOOTSTRAP, MONGODB
from deployment.forwarding import forward
from deployment.lifecycle import DATA, SUITE, Deployment, install, open_access, prepare
from deployment.readiness import wait_until_ready
from stack.layout import replace_file
from stack.services import SERVICES

NAME, OURS = "app.kubernetes.io/name", "app.kubernetes.io/name=crm"
KEY = "/run/secrets/bootstrap/api-key"
METRICS = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9090/metrics').read().decode())"
)
DEPLOYMENTS = tuple(
    f"{SUITE}-{service.name}-{process}" for service in SERVICES for process in service.processes
)


@dataclass(frozen=True)
class Installation:
    """What is deployed in the namespace of the tests."""

    deployment: Deployment

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        return self.deployment.cluster.kubectl(*arguments, given=given)

    def make_ready(self) -> None:
        """Install what is not there, and wait until all is as the charts say."""
        prepare(self.deployment)
        for release in self.deployment.charts:
            install(self.deployment, release)
        self.wait_until_ready()
        self.write_env()

    def wait_until_ready(self) -> None:
        wait_until_ready(self.deployment.cluster, self.deployment.charts)

    def write_env(self) -> None:
        """Write down where the suite is, for whoever asks it from here."""
        folder, namespace = self.deployment.layout.folder, self.deployment.cluster.namespace
        access = open_access(self.deployment)
        port = forward(folder, namespace, f"{DATA}-mongodb", "mongodb")
        password = self.deployment.cluster.secret(MONGODB)["administrator"]
        account = f"administrator:{password}@127.0.0.1:{port}"
        access["CRM_MONGODB_URI"] = f"mongodb://{account}/?directConnection=true"
        lines = [f"{name}={value}\n" for name, value in access.items()]
        replace_file(folder / "env", "".join(lines), mode=0o600)

    @property
    def suite(self) -> Suite:
        return Suite(self.deployment.layout.folder)

    def pods(self, selector: str = OURS) -> list[dict[str, Any]]:
        """The pods that have not ended."""
        pods = self.deployment.cluster.list("pods", selector)
        return [pod for pod in pods if pod["status"]["phase"] not in ("Succeeded", "Failed")]

    def pods_of(self, name: str) -> list[str]:
        """The names of the pods of a deployment."""
        component = name.removeprefix(f"{SUITE}-")
        return [
            pod["metadata"]["name"]
            for pod in self.pods(f"{OURS},app.kubernetes.io/component={component}")
            if "deletionTimestamp" not in pod["metadata"]
        ]

    def restarts(self) -> dict[str, int]:
        """The containers that were started again, and how often."""
        pods = self.deployment.cluster.list("pods", f"{NAME} in (crm,crm-data-dev)")
        return {
            f"{pod['metadata']['name']}/{container['name']}": container["restartCount"]
            for pod in pods
            for container in pod["status"].get("containerStatuses", [])
            if container["restartCount"]
        }

    def run(self, pod: str, program: str, *arguments: str) -> str:
        """What a Python program prints that runs in a pod."""
        return self.kubectl("exec", "-i", pod, "--", "python", "-", *arguments, given=program)

    def metric(self, pod: str, name: str, **labels: str) -> float:
        """The sum of a metric of a process over all labels but those told."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.run(pod, METRICS))
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def roll(self, *names: str) -> None:
        """Replace every pod of some deployments, and wait until the old ones are gone."""
        for name in names:
            self.kubectl("rollout", "restart", f"deployment/{name}")
        for name in names:
            self.kubectl("rollout", "status", f"deployment/{name}", "--timeout", "180s")
        wait_until(lambda: not self.ending(), 120, 0.5, "the old pods to end")

    def ending(self) -> list[str]:
        """The pods that have been asked to end and have not."""
        return [
            pod["metadata"]["name"] for pod in self.pods() if "deletionTimestamp" in pod["metadata"]
        ]

    def start_pod(self, name: str, command: Sequence[str], **container: Any) -> None:
        """Start a pod that belongs to nobody; its container is told more by `container`."""
        image = self.deployment.names.of("contacts")
        self.remove_pod(name)
        self.deployment.cluster.put(_pod(name, image, command, container), "create")

    def remove_pod(self, name: str) -> None:
        self.kubectl("delete", "pod", name, "--ignore-not-found", "--now")


def _pod(
    name: str, image: str, command: Sequence[str], container: Mapping[str, Any]
) -> dict[str, Any]:
    secret = {"secretName": BOOTSTRAP, "optional": True}
    mounts = [
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": "key", "mountPath": str(Path(KEY).parent)},
    ]
    security = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    own = {"name": name, "image": image, "command": [*command], "volumeMounts": mounts}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": MARK},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [own | {"securityContext": security} | container],
            "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "key", "secret": secret}],
        },
    }
