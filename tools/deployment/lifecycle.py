"""Installing the suite in a cluster as a whole, and taking it away."""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from deployment import credentials
from deployment.cluster import MARK, Cluster, images_of
from deployment.forwarding import forward, stop_forwarding
from deployment.images import Names, builder, contents
from deployment.programs import ROOT, DeploymentError, call, found, say
from deployment.readiness import selector_of, wait_until_gone, wait_until_ready
from stack.layout import Layout, replace_file

CHARTS = ROOT / "deploy" / "helm"
SUITE, DATA = "crm", "crm-data"
TESTS = "app.kubernetes.io/component=gateway-test"


@dataclass(frozen=True)
class Deployment:
    """Where the suite is deployed to, and which images it runs."""

    cluster: Cluster
    names: Names
    layout: Layout

    @cached_property
    def charts(self) -> dict[str, list[str]]:
        """What Helm is told of each release: its chart and values."""
        data, suite = CHARTS / "crm-data-dev", CHARTS / "crm"
        image = f"image.registry={self.names.registry},image.tag={self.names.tag}"
        # Images that have changed under the same tag roll the pods.
        content = f"pod.annotations.crm/images={contents(self.names)}"
        values = str(data / "crm-values.yaml")
        return {
            DATA: [str(data), "--set-string", f"images.python={self.names.of('contacts')}"],
            SUITE: [str(suite), "--values", values, "--set-string", f"{image},{content}"],
        }

    @property
    def env(self) -> Path:
        return self.layout.folder / "cluster.env"


def deploy(deployment: Deployment) -> str:
    """Bring the suite into the cluster, and return when all is ready. Gives its URL.

    Raises:
        DeploymentError: it cannot be; says why.
    """
    hand_over(deployment)
    say(f"Installing in the namespace {deployment.cluster.namespace} ...")
    prepare(deployment)
    for release in deployment.charts:
        install(deployment, release)
    wait_until_ready(deployment.cluster, deployment.charts)
    access = open_access(deployment)
    _load_demo(access)
    return access["CRM_URL"]


def prepare(deployment: Deployment) -> None:
    """Make what both charts find: the namespace and the Secrets."""
    deployment.layout.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    deployment.cluster.make_namespace()
    credentials.make_secrets(deployment.cluster)


def install(deployment: Deployment, release: str, *more: str) -> None:
    """Install a release, or bring it to what is told of it now. Does not wait."""
    told = deployment.charts[release]
    deployment.cluster.helm("upgrade", "--install", release, *told, *more)


def open_access(deployment: Deployment) -> dict[str, str]:
    """Write down, and give, where the suite is found from here and a key to it."""
    cluster = deployment.cluster
    key = credentials.api_key(cluster, SUITE)
    port = forward(deployment.layout.folder, cluster.namespace, f"{SUITE}-gateway")
    access = {"CRM_URL": f"http://127.0.0.1:{port}", "CRM_API_KEY": key}
    lines = [f"{name}={value}\n" for name, value in access.items()]
    replace_file(deployment.env, "".join(lines), mode=0o600)
    return access


def undeploy(deployment: Deployment) -> None:
    """Take the suite away again; volumes stay, and the namespace that they are in.

    Raises:
        DeploymentError: it cannot be; says why.
    """
    cluster = deployment.cluster
    say(f"Taking the suite from the namespace {cluster.namespace} of {cluster.context()} ...")
    stop_forwarding(deployment.layout.folder)
    for release in (SUITE, DATA):
        cluster.helm("uninstall", release, "--ignore-not-found")
    # What `helm test` has left is nobody's.
    cluster.kubectl("delete", "pods", "--selector", f"{selector_of([SUITE])},{TESTS}")
    wait_until_gone(cluster, (SUITE, DATA))
    mark = ",".join(f"{name}={value}" for name, value in MARK.items())
    cluster.kubectl("delete", "secrets", "--selector", mark)
    deployment.env.unlink(missing_ok=True)


def hand_over(deployment: Deployment) -> None:
    """Get the images to where the cluster finds them.

    Raises:
        DeploymentError: nobody told how, or it fails.
    """
    context = deployment.cluster.context()
    images = _images(deployment)
    command = shlex.split(os.environ.get("IMAGE_LOAD", ""))
    if not command and (command := _loader(context)):
        _fetch(images)
    if command:
        say(f"Handing {len(images)} images to the cluster ...")
        call([found(command[0]), *command[1:], *images])
    elif deployment.names.registry != Names.registry:
        for name in deployment.names.all():
            say(f"Pushing {name} ...")
            call([builder(), "push", name])
    else:
        message = (
            f"How do images get to {context}? Say IMAGE_LOAD='a command that takes their names', "
            "or REGISTRY=where to push them; see docs/kubernetes.md."
        )
        raise DeploymentError(message)


def _images(deployment: Deployment) -> list[str]:
    rendered = [
        deployment.cluster.helm("template", release, *told)
        for release, told in deployment.charts.items()
    ]
    return images_of([one for text in rendered for one in yaml.safe_load_all(text) if one])


def _fetch(images: Sequence[str]) -> None:
    """Bring to this machine what is not there: local clusters are handed images from it."""
    for image in images:
        try:
            call(["docker", "image", "inspect", image])
        except DeploymentError:
            say(f"Pulling {image} ...")
            call(["docker", "pull", image])


def _loader(context: str) -> list[str]:
    """How images get to a cluster that is known by its context's name."""
    kind, _, name = context.partition("-")
    if kind == "kind":
        return ["kind", "load", "docker-image", "--name", name]
    if kind == "k3d":
        return ["k3d", "image", "import", "--cluster", name]
    return []


def _load_demo(access: dict[str, str]) -> None:
    if os.environ.get("CRM_DEMO", "1") == "0":
        return
    loading = [sys.executable, "-m", "crm_demo"]
    done = subprocess.run(loading, cwd=ROOT / "demo", env={**os.environ, **access}, check=False)
    if done.returncode:
        message = "The demo company could not be loaded."
        raise DeploymentError(message)
