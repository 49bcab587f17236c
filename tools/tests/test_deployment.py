"""Images and deployments, as far as they can be looked at without a cluster."""

import json
import os
import re
import subprocess
import sys
import tomllib
from urllib.parse import urlsplit

import pytest
import yaml
from pymongo.errors import OperationFailure

from crm_chassis.testing.mongo import direct_client, mongod_command
from crm_chassis.testing.ports import free_ports, is_open
from crm_chassis.testing.processes import start_process, stop_process
from crm_chassis.testing.waiting import wait_until
from deployment import credentials, forwarding, images, readiness
from deployment.cluster import Cluster, images_of
from deployment.lifecycle import CHARTS, Deployment, hand_over
from deployment.programs import DeploymentError
from stack.layout import ROOT, Layout
from stack.services import SERVICES

ACCOUNTS = CHARTS / "crm-data-dev" / "files" / "accounts.py"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Programs of the test's own: each is a line of shell, and the only one of its name."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def make(**lines):
        for name, line in lines.items():
            (folder / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
            (folder / name).chmod(0o755)

    make(docker="exit 1", buildah="exit 1", podman="exit 1")
    return make


def versions(path):
    """The packages of a lock file, with what they are pinned to."""
    pinned = re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(pinned)


def listed(path):
    """The packages of a requirements file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def declared():
    """What the packages that run in an image say that they need, less one another."""
    members = [ROOT / "chassis", ROOT / "proto", *(ROOT / "services").iterdir()]
    projects = [
        tomllib.loads((member / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for member in members
        if (member / "pyproject.toml").exists()
    ]
    needed = {re.split(r"[<>=~!]", one)[0] for each in projects for one in each["dependencies"]}
    return needed - {project["name"] for project in projects}


def test_images_hold_what_their_packages_declare():
    assert listed(ROOT / "requirements-run.in") == declared()


def test_images_hold_the_versions_that_are_tested():
    tested = versions(ROOT / "requirements.lock")
    run = versions(ROOT / "requirements-run.lock")

    assert run
    assert run == {name: tested[name] for name in run}


def test_the_first_builder_that_answers_builds(programs):
    programs(buildah="echo here", podman="echo here")

    assert images.builder() == "buildah"


def test_what_images_hold_is_told_by_their_builder(programs):
    names = images.Names()
    assert images.contents(names) == ""

    programs(podman="echo one")
    first = images.contents(names)
    programs(podman="echo another")

    assert first
    assert images.contents(names) not in ("", first)


def test_when_no_builder_answers_all_are_named(programs):
    with pytest.raises(DeploymentError, match="docker, buildah, podman"):
        images.builder()


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({}, "localhost/crm-sales:dev"),
        ({"REGISTRY": "", "TAG": ""}, "localhost/crm-sales:dev"),
        ({"REGISTRY": "example.com/crm", "TAG": "2"}, "example.com/crm/crm-sales:2"),
        ({"REGISTRY": "example.com/crm/"}, "example.com/crm/crm-sales:dev"),
    ],
)
def test_images_are_called_as_told(monkeypatch, told, name):
    for variable in ("REGISTRY", "TAG"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in told.items():
        monkeypatch.setenv(variable, value)

    assert images.names_from_environment().of("sales") == name


def test_a_build_is_given_pip_s_own_files_as_secrets(monkeypatch, tmp_path):
    (tmp_path / "pip.conf").touch()
    (tmp_path / "certificates.pem").touch()
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "certificates.pem"))

    command = images.build_command("podman", "sales", "a-name")

    assert f"id=pip.conf,src={tmp_path / 'pip.conf'}" in command
    assert f"id=certificates,src={tmp_path / 'certificates.pem'}" in command
    assert not [part for part in command if part.startswith("PIP_")]


class Kept(Cluster):
    """A namespace of which only the Secrets exist, and in memory."""

    def __init__(self):
        super().__init__("a-namespace")
        object.__setattr__(self, "secrets", {})

    def secret(self, name):
        return dict(self.secrets.get(name, {}))

    def make_secret(self, name, data):
        self.secrets[name] = dict(data)


def test_passwords_and_keys_are_made_once():
    cluster = Kept()
    credentials.make_secrets(cluster)
    first = dict(cluster.secrets)

    credentials.make_secrets(cluster)

    assert cluster.secrets == first


def test_what_is_missing_is_made_to_fit_what_is_there():
    cluster = Kept()
    credentials.make_secrets(cluster)
    del cluster.secrets["crm-mongodb"]

    credentials.make_secrets(cluster)

    for service in SERVICES:
        uri = urlsplit(cluster.secrets["crm-mongodb"][f"{service.name}-uri"])
        assert uri.username == service.name
        assert uri.password == cluster.secrets["crm-data-mongodb"][service.name]
        assert uri.hostname == "crm-data-mongodb.a-namespace.svc"


def test_the_chart_finds_each_secret_under_the_key_that_it_asks_for():
    cluster = Kept()
    credentials.make_secrets(cluster)
    asked = yaml.safe_load((CHARTS / "crm" / "values.yaml").read_text(encoding="utf-8"))["secrets"]

    for name in ("mongodb", "rabbitmq", "tokenKey", "tokenKeys", "smtp"):
        keys = [asked[name]["key"].replace("<service>", service.name) for service in SERVICES]
        assert set(keys) <= cluster.secrets[asked[name]["name"]].keys()


def test_all_images_of_all_pods_are_found():
    container = {"name": "a", "image": "one:1"}
    inside = {"spec": {"containers": [container], "initContainers": [{"image": "two:2"}]}}

    assert images_of([{"spec": {"template": inside}}, inside]) == ["one:1", "two:2"]


def workload(kind, **status):
    return {
        "kind": kind,
        "metadata": {"name": "it", "generation": 2},
        "spec": {"replicas": 1} if kind != "Job" else {},
        "status": status,
    }


READY = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}


@pytest.mark.parametrize(
    ("one", "names"),
    [
        (workload("Deployment", **READY), []),
        (workload("Deployment", **READY | {"observedGeneration": 1}), ["it"]),
        (workload("Deployment", **READY | {"replicas": 2}), ["it"]),
        (workload("StatefulSet", **READY | {"readyReplicas": 0}), ["it"]),
        (workload("Job", active=1), ["job it"]),
        (workload("Job", succeeded=1), []),
    ],
)
def test_what_is_not_as_it_should_be_is_waited_for(one, names):
    assert [wait.name for wait in readiness.waits([one])] == names


def test_a_container_that_cannot_start_is_told_with_the_cluster_s_words():
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
    pod = workload("Pod", containerStatuses=[{"name": "api", "state": waiting}])

    first, *_ = readiness.waits([pod, workload("Deployment")])

    assert first.reason == "api: no such image"


def test_without_a_way_for_the_images_it_says_what_to_tell(programs, monkeypatch, tmp_path):
    programs(kubectl="[ $1 = get ] || echo somewhere", helm="echo")
    monkeypatch.delenv("IMAGE_LOAD", raising=False)
    deployment = Deployment(Cluster("crm"), images.Names(), Layout(tmp_path))

    with pytest.raises(DeploymentError, match=r"somewhere\? Say IMAGE_LOAD"):
        hand_over(deployment)


@pytest.mark.parametrize(
    ("context", "told"),
    [
        ("kind-a", "kind load docker-image --name a"),
        ("k3d-b", "k3d image import --cluster b"),
    ],
)
def test_local_clusters_are_handed_the_images(programs, monkeypatch, tmp_path, context, told):
    record = f'echo "$(basename $0) $@" >> {tmp_path}/calls'
    image = "echo 'image: one:1'"
    programs(kubectl=f"[ $1 = get ] || echo {context}", helm=image, kind=record, k3d=record)
    programs(docker=f"[ $1 != version ] || exit 1; {record}; [ $1 = pull ]")
    monkeypatch.delenv("IMAGE_LOAD", raising=False)

    hand_over(Deployment(Cluster("crm"), images.Names(), Layout(tmp_path)))

    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert calls[-3:] == ["docker image inspect one:1", "docker pull one:1", f"{told} one:1"]


def test_a_port_is_forwarded_until_it_is_ended(programs, tmp_path):
    serve = "import http.server as h, sys; h.HTTPServer(('127.0.0.1', int(sys.argv[1])), None)"
    programs(kubectl=f'exec {sys.executable} -c "{serve}.serve_forever()" ${{7%%:*}}')

    port = forwarding.forward(tmp_path, "crm", "crm-gateway")
    assert forwarding.forward(tmp_path, "crm", "crm-gateway") == port
    forwarding.stop_forwarding(tmp_path)

    wait_until(lambda: not is_open(port), what="the end of it")


@pytest.fixture
def guarded_mongod(tmp_path):
    """A mongod that asks for passwords and has no account yet; gives its port."""
    (tmp_path / "data").mkdir()
    (tmp_path / "secrets").mkdir()
    key = tmp_path / "secrets" / "keyfile"
    key.write_text("TheKeyOfTheMembers", encoding="ascii")
    key.chmod(0o400)
    (port,) = free_ports(1)
    command = mongod_command(tmp_path / "data", port, oplog_mb=64, key_file=key)
    process = start_process(command, tmp_path / "mongod.log")
    yield port
    stop_process(process)


def test_each_account_may_use_its_own_database_however_often_they_are_made(
    guarded_mongod, tmp_path
):
    folder = tmp_path / "secrets"
    for password in ("first", "second"):
        for name in ("administrator", "sales", "service-desk"):
            (folder / name).write_text(password, encoding="ascii")
        address = f"127.0.0.1:{guarded_mongod}"
        subprocess.run([sys.executable, ACCOUNTS, address, folder], check=True, timeout=300)

    with direct_client(guarded_mongod, "service-desk", "second") as client:
        client["crm_service_desk"]["cases"].insert_one({})
        with pytest.raises(OperationFailure, match="not authorized"):
            client["crm_sales"]["deals"].find_one()
    with direct_client(guarded_mongod, "administrator", "second") as client:
        assert client["crm_service_desk"]["cases"].count_documents({}) == 1
    with (
        direct_client(guarded_mongod, "sales", "first") as client,
        pytest.raises(OperationFailure, match="Authentication failed"),
    ):
        client["crm_sales"]["deals"].find_one()


def test_the_broker_s_definitions_name_every_service():
    cluster = Kept()
    credentials.make_secrets(cluster)
    told = json.loads(cluster.secrets["crm-data-rabbitmq"]["definitions.json"])

    assert {user["name"] for user in told["users"]} == {service.name for service in SERVICES}
    assert [vhost["name"] for vhost in told["vhosts"]] == ["crm"]
