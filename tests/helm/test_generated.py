"""What is made from values, rules and templates is as it would be made now, and is told."""

import re
import subprocess

import pytest
from helm.rendered import CASES

from chart import __main__ as chart
from chart.keys import schema_keys, untold
from chart.places import CHART, HELM
from chart.readme import keys
from chart.rendering import difference


def test_nothing_is_stale_undocumented_or_untold():
    assert list(chart.complaints()) == []


def test_there_are_renders_of_six_cases_and_more():
    assert len(CASES) >= 6


def test_a_stale_file_is_found(monkeypatch, tmp_path):
    file = CHART / "README.md"
    part = (lambda: {file: "something else"}, lambda: {file})
    monkeypatch.setattr(chart, "PARTS", [part])

    assert list(chart.stale()) == [
        "deploy/helm/crm/README.md is not what it is made from says: run `make docs`"
    ]


def test_a_key_without_a_comment_is_told_of_only_by_its_like():
    text = "# First.\nprocesses:\n  # Api.\n  api:\n    # How many.\n    replicas: 1\n"
    text += "  worker:\n    replicas: 2\n    other: 3\nimage: {}\n"

    found = {key.path: key.comment for key in keys(text)}

    assert found["processes.worker.replicas"] == "How many."
    assert [path for path, comment in found.items() if not comment] == [
        "processes.worker",
        "processes.worker.other",
        "image",
    ]


def test_a_key_that_came_or_went_is_to_be_told():
    schema = {
        "properties": {
            "image": {"properties": {"tag": {}}},
            "peers": {"items": {"properties": {"name": {}}}},
        },
        "$defs": {"pod": {"properties": {"labels": {}}}},
    }
    now = schema_keys(schema)

    assert now == {"image", "image.tag", "peers", "peers[]", "peers[].name", "pod", "pod.labels"}
    assert untold([*now, "image.name"], now, "") == ["image.name"]
    assert untold(now - {"image.tag"}, now, "") == ["image.tag"]
    assert untold(now - {"image.tag"}, now, "`image.tag` is new") == []


def test_a_difference_shows_what_came_what_changed_and_what_went():
    old = {"a": 1, "b": {"c": [1, 2], "d": 4}, "e": 5}
    new = {"a": 1, "b": {"c": [1, 3], "d": 4}, "f": 6}

    assert difference(old, new) == {"b": {"c": ["...", 3]}, "e": None, "f": 6}


@pytest.mark.parametrize("program", ["helm", "kubectl"])
def test_the_tools_are_those_that_were_tried(program):
    command = {"helm": ["version", "--short"], "kubectl": ["version", "--client"]}[program]
    done = subprocess.run(
        [HELM.with_name(program), *command], capture_output=True, text=True, check=True
    )

    assert re.search({"helm": r"v4\.1\.", "kubectl": r"v1\.33\."}[program], done.stdout)
