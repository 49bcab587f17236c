"""The images hold what a service needs to run, and nothing else."""

from pathlib import PurePosixPath

import pytest
from cluster.archives import Image, saved

from deployment.images import BASE, build_command, builder, names_from_environment
from deployment.programs import call
from stack.services import SERVICES

MEGABYTE = 1000 * 1000
OTHERS = ("gcc", "cc", "make", "pip", "uv", "pytest", "mypy", "ruff")


@pytest.fixture(scope="module")
def chosen():
    return builder()


@pytest.fixture(scope="module")
def base(chosen, tmp_path_factory):
    """How many layers are the base's."""
    image = saved(chosen, BASE, tmp_path_factory.mktemp("base"))
    image.file.unlink()
    return len(image.layers)


@pytest.fixture(params=[service.name for service in SERVICES])
def image(request, chosen, tmp_path):
    """The image of each service."""
    image = saved(chosen, names_from_environment().of(request.param), tmp_path)
    yield image
    image.file.unlink()


def contents(image: Image, first: int) -> dict[str, tuple[object, ...]]:
    return {entry.path: entry.facts for entry in image.entries(first)}


def test_each_image_is_small_and_holds_no_tools(image, base):
    paths = [PurePosixPath(path) for path in contents(image, base)]

    assert image.size(base) < 200 * MEGABYTE
    assert paths
    assert not [path for path in paths if path.name in OTHERS]
    assert not [path for path in paths if {"test", "tests", ".cache"} & set(path.parts)]
    assert not [path for path in paths if "crm_chassis/testing" in str(path)]


def test_each_image_runs_as_nobody_and_says_what_it_is(image):
    config = image.config["config"]

    assert config["User"] == "10001:10001"
    assert config["Labels"]["org.opencontainers.image.title"].startswith("crm-")
    assert config["Labels"]["org.opencontainers.image.version"]
    assert config["Labels"]["org.opencontainers.image.revision"]


def test_only_the_last_layer_differs_from_service_to_service(chosen, tmp_path):
    names = names_from_environment()
    layers = []
    for service in SERVICES:
        image = saved(chosen, names.of(service.name), tmp_path)
        layers.append(image.diff_ids)
        image.file.unlink()

    assert len({tuple(ids[:-1]) for ids in layers}) == 1
    assert len({ids[-1] for ids in layers}) == len(SERVICES)


def test_the_same_input_gives_the_same_content(chosen, base, tmp_path):
    name = names_from_environment().of("sales")
    before = contents(saved(chosen, name, tmp_path), base)

    again = f"{name}-again"
    command = build_command(chosen, "sales", again)
    call([*command[:2], "--no-cache", *command[2:]])
    after = contents(saved(chosen, again, tmp_path), base)
    call([chosen, "rmi", again])

    assert after == before
