"""One namespace of the cluster that kubectl's current context names."""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployment.programs import call, found

Manifest = Mapping[str, Any]
DEFAULT_NAMESPACE = "crm"
ANSWER_WITHIN = 20.0
# Made by us, and not by Helm: so that these can be found again.
MARK = {"app.kubernetes.io/managed-by": "crm-deploy"}


@dataclass(frozen=True)
class Cluster:
    """What is done to the namespace by kubectl and Helm."""

    namespace: str

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """What kubectl answers.

        Raises:
            DeploymentError: it fails.
        """
        return call([found("kubectl"), "--namespace", self.namespace, *arguments], given)

    def helm(self, *arguments: str) -> str:
        """What Helm answers.

        Raises:
            DeploymentError: it fails.
        """
        return call([found("helm"), "--namespace", self.namespace, *arguments])

    def context(self) -> str:
        """The current context, which answers.

        Raises:
            DeploymentError: there is none, or it does not.
        """
        kubectl = found("kubectl")
        call([kubectl, "get", "--raw", "/readyz"], timeout=ANSWER_WITHIN)
        return call([kubectl, "config", "current-context"]).strip()

    def list(self, kinds: str, selector: str) -> list[dict[str, Any]]:
        """Objects of some kinds, by their labels."""
        listed = self.kubectl("get", kinds, "--selector", selector, "--output", "json")
        items: list[dict[str, Any]] = json.loads(listed)["items"]
        return items

    def secret(self, name: str) -> dict[str, str]:
        """What a Secret holds; nothing where there is none."""
        told = self.kubectl("get", "secret", name, "--ignore-not-found", "--output", "json")
        data = json.loads(told).get("data", {}) if told.strip() else {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def make_secret(self, name: str, data: Mapping[str, str]) -> None:
        """Make a Secret, or give it other contents. They are on no command line."""
        metadata = {"name": name, "labels": MARK}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
        is_there = self.kubectl("get", "secret", name, "--ignore-not-found", "--output", "name")
        # `apply` would keep the contents in an annotation, too.
        self.put(manifest, "replace" if is_there.strip() else "create")

    def put(self, manifest: Manifest, verb: str = "apply") -> None:
        """Make an object as it is told."""
        self.kubectl(verb, "--filename", "-", given=json.dumps(manifest))

    def make_namespace(self) -> None:
        """Make the namespace; it takes only pods that keep to the restricted standard."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        metadata = {"name": self.namespace, "labels": labels}
        self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def cluster_from_environment() -> Cluster:
    """The namespace that NAMESPACE tells."""
    return Cluster(os.environ.get("NAMESPACE") or DEFAULT_NAMESPACE)


def images_of(manifests: Sequence[Manifest]) -> list[str]:
    """The names of all images that pods of these objects run."""
    return sorted({image for manifest in manifests for image in _images(manifest)})


def _images(part: Any) -> list[str]:
    if isinstance(part, Mapping):
        own = [part["image"]] if isinstance(part.get("image"), str) else []
        return own + [image for value in part.values() for image in _images(value)]
    if isinstance(part, list):
        return [image for value in part for image in _images(value)]
    return []
