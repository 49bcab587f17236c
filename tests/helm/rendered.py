"""The chart as Helm renders it, taken apart for tests."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from chart.places import CHART
from chart.readme import connections
from chart.rendering import Document, cases, render

CASES = sorted(cases(CHART))
MATRIX = connections()
PROCESSES = [
    (service, process)
    for service, processes in MATRIX.items()
    for process, facts in processes.items()
    if "drain" in facts
]


@cache
def of_case(case: str) -> Sequence[Document]:
    """What one of the chart's cases renders."""
    return render(CHART, cases(CHART)[case])


def with_values(folder: Any, values: Mapping[str, Any], *options: str) -> Sequence[Document]:
    """What the chart renders with these values."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(dict(values)), encoding="utf-8")
    return render(CHART, [file], *options)


def of_kind(documents: Sequence[Document], *kinds: str) -> list[Document]:
    return [document for document in documents if document["kind"] in kinds]


def names_of(documents: Sequence[Document], kind: str) -> set[str]:
    return {document["metadata"]["name"] for document in of_kind(documents, kind)}


def named(documents: Sequence[Document], kind: str, name: str) -> Document:
    """The one document of that kind and name."""
    (found,) = [one for one in of_kind(documents, kind) if one["metadata"]["name"] == name]
    return found


def pods(documents: Sequence[Document]) -> Iterator[tuple[str, Document]]:
    """Every pod that would run, with the name of what makes it."""
    for document in of_kind(documents, "Deployment", "Job"):
        yield document["metadata"]["name"], document["spec"]["template"]
    for document in of_kind(documents, "Pod"):
        yield document["metadata"]["name"], document


def pod(documents: Sequence[Document], name: str) -> Document:
    """The pod that a Deployment, a Job or the chart itself makes under this name."""
    return dict(pods(documents))[name]


def container(template: Document) -> dict[str, Any]:
    """A pod's only container."""
    (only,) = template["spec"]["containers"]
    return dict(only)


def environment(documents: Sequence[Document], name: str) -> dict[str, str]:
    """What the process is told, by the ConfigMap and by its own variables."""
    only = container(pod(documents, name))
    told: dict[str, str] = {}
    for source in only.get("envFrom", []):
        told |= named(documents, "ConfigMap", source["configMapRef"]["name"])["data"]
    return told | {variable["name"]: variable["value"] for variable in only["env"]}
