"""Building the image of each service, with the first builder that answers."""

import hashlib
import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deployment.programs import ROOT, DeploymentError, call, say
from stack.services import SERVICES

WHEELS = ROOT / "dist"
DOCKERFILE = "deploy/docker/Dockerfile"
BASE = "docker.io/library/python:3.11-slim-bookworm"
# What a builder says when somebody is there who builds; a client alone does not.
QUESTIONS = {
    "docker": ["docker", "version", "--format", "{{.Server.Version}}"],
    "buildah": ["buildah", "info"],
    "podman": ["podman", "info"],
}
# The same input gives the same image: no file and no layer bears the time at which it was made.
OPTIONS = {
    "docker": [],
    "buildah": ["--layers", "--timestamp", "0"],
    "podman": ["--layers", "--timestamp", "0"],
}
# What tells an image's content.
IDENTITIES = {
    "docker": ["docker", "image", "inspect", "--format", "{{.Id}}"],
    "buildah": ["buildah", "inspect", "--type", "image", "--format", "{{.FromImageID}}"],
    "podman": ["podman", "image", "inspect", "--format", "{{.Id}}"],
}
ANSWER_WITHIN = 20.0


@dataclass(frozen=True)
class Names:
    """How the images are called."""

    registry: str = "localhost/"
    tag: str = "dev"

    def of(self, service: str) -> str:
        return f"{self.registry}crm-{service}:{self.tag}"

    def all(self) -> list[str]:
        return [self.of(service.name) for service in SERVICES]


def names_from_environment() -> Names:
    """As REGISTRY and TAG tell; what is empty is not told."""
    registry = os.environ.get("REGISTRY") or Names.registry
    return Names(f"{registry.rstrip('/')}/", os.environ.get("TAG") or Names.tag)


def builder() -> str:
    """The first of docker, buildah and podman that answers.

    Raises:
        DeploymentError: none does.
    """
    for name, question in QUESTIONS.items():
        if shutil.which(name):
            with suppress(DeploymentError):
                call(question, timeout=ANSWER_WITHIN)
                return name
    message = f"None of {', '.join(QUESTIONS)} answers: install one, or start its engine."
    raise DeploymentError(message)


def build_images(names: Names) -> None:
    """Build all images; what has not changed since the last time is not built again.

    Raises:
        DeploymentError: one cannot be built.
    """
    chosen = builder()
    make_wheels()
    for service in SERVICES:
        name = names.of(service.name)
        say(f"Building {name} with {chosen} ...")
        call(build_command(chosen, service.name, name), environment={"SOURCE_DATE_EPOCH": "0"})


def contents(names: Names) -> str:
    """What changes with the content of any image; nothing where they are not on this machine."""
    with suppress(DeploymentError):
        command = IDENTITIES[builder()]
        told = "".join(call([*command, name]) for name in names.all())
        return hashlib.sha256(told.encode()).hexdigest()[:16]
    return ""


def make_wheels() -> None:
    """Put our own packages into dist/, and nothing else."""
    for old in WHEELS.glob("*.whl"):
        old.unlink()
    members = ["proto", "chassis", *(f"services/{service.name}" for service in SERVICES)]
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    for member in members:
        call([*build, "--directory", str(WHEELS)], folder=ROOT / member)


def build_command(chosen: str, service: str, name: str) -> list[str]:
    """What builds the image of a service."""
    arguments = {
        "SERVICE": service,
        "BASE": os.environ.get("BASE") or BASE,
        "VERSION": importlib.metadata.version(f"crm-{service}"),
        "REVISION": revision(),
    }
    told = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
    return [
        *(chosen, "build", *OPTIONS[chosen], *told, *secrets()),
        *("--tag", name, "--file", DOCKERFILE, "."),
    ]


def revision() -> str:
    """The commit that is built, if there is one."""
    with suppress(DeploymentError):
        return call(["git", "describe", "--always", "--dirty", "--abbrev=12"]).strip()
    return "unknown"


def secrets() -> list[str]:
    """The index and the certificates that pip uses here, for the build alone."""
    return [part for secret in _secrets() for part in ("--secret", secret)]


def _secrets() -> Iterator[str]:
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    places = [os.environ.get("PIP_CONFIG_FILE"), f"{home}/pip/pip.conf", "/etc/pip.conf"]
    certificates = [os.environ.get("PIP_CERT"), os.environ.get("SSL_CERT_FILE")]
    for name, candidates in (("pip.conf", places), ("certificates", certificates)):
        paths = [Path(place).expanduser() for place in candidates if place]
        if path := next((path for path in paths if path.is_file()), None):
            yield f"id={name},src={path}"
