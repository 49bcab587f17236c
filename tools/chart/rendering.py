"""What Helm makes of a chart: for the golden files beside its values, and for tests."""

import hashlib
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from chart.places import CHARTS, HELM

Document = dict[str, Any]
KUBERNETES = "1.33"
# What is in the cluster besides Kubernetes itself.
EXTENSIONS = ("monitoring.coreos.com/v1",)
DEFAULT = "default"
ENDING = "-values.yaml"


class RenderError(Exception):
    """What Helm says is wrong."""


def template(chart: Path, files: Sequence[Path] = (), *options: str, release: str = "crm") -> str:
    """What would be installed, as text.

    Raises:
        RenderError: Helm refuses the values.
    """
    values = [option for file in files for option in ("--values", str(file))]
    command = [str(HELM), "template", release, str(chart), "--namespace", "crm", *values, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RenderError(done.stderr)
    return done.stdout


def render(
    chart: Path, files: Sequence[Path] = (), *options: str, release: str = "crm"
) -> list[Document]:
    """The same as documents, in a cluster that knows all kinds.

    Raises:
        RenderError: Helm refuses the values.
    """
    known = [option for one in EXTENSIONS for option in ("--api-versions", one)]
    cluster = ("--kube-version", KUBERNETES, *known)
    text = template(chart, files, *cluster, *options, release=release)
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def cases(chart: Path) -> dict[str, list[Path]]:
    """The value files of each case; `production` comes after values-production.yaml."""
    return {
        path.name.removesuffix(ENDING): [*_beneath(chart, path), path]
        for path in sorted((chart / "ci").glob(f"*{ENDING}"))
    }


def generated() -> dict[Path, str]:
    """Every golden file, and what belongs in it."""
    return {
        path: text
        for chart in sorted(path.parent for path in CHARTS.glob("*/Chart.yaml"))
        for path, text in _golden(chart).items()
    }


def present() -> set[Path]:
    """The golden files that are there now."""
    return set(CHARTS.glob("*/ci/rendered/*.yaml"))


def _beneath(chart: Path, case: Path) -> list[Path]:
    shared = chart / f"values-{case.name.removesuffix(ENDING)}.yaml"
    return [shared] if shared.exists() else []


def _golden(chart: Path) -> dict[Path, str]:
    """The default case whole; of each other what it changes."""
    known = cases(chart)
    with ThreadPoolExecutor() as pool:
        renders = pool.map(lambda files: _by_name(render(chart, files)), known.values())
    rendered = dict(zip(known, renders, strict=True))
    default = rendered.get(DEFAULT, {})
    return {
        chart / "ci" / "rendered" / f"{case}.yaml": _text(
            documents if case == DEFAULT else difference(default, documents)
        )
        for case, documents in rendered.items()
    }


def difference(old: Any, new: Any) -> Any:
    """What of `new` is not as in `old`; `None` stands for what is gone."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*new, *(key for key in old if key not in new)]
        return {
            key: difference(old.get(key), new.get(key))
            for key in keys
            if old.get(key) != new.get(key)
        }
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            difference(*pair) if pair[0] != pair[1] else "..."
            for pair in zip(old, new, strict=True)
        ]
    return new


def _by_name(documents: Sequence[Document]) -> dict[str, Any]:
    return {
        f"{document['kind']} {document['metadata']['name']}": _short(document)
        for document in documents
    }


def _text(documents: dict[str, Any]) -> str:
    return str(yaml.dump(documents, Dumper=yaml.CSafeDumper, sort_keys=False, width=120))


def _short(document: Document) -> Document:
    """The document; what is copied into it as its hash."""
    if document["kind"] == "PrometheusRule":
        return {**document, "spec": _hash(document["spec"])}
    if "grafana_dashboard" in document["metadata"].get("labels", {}):
        return {**document, "data": {name: _hash(text) for name, text in document["data"].items()}}
    return document


def _hash(value: Any) -> str:
    return "sha256:" + hashlib.sha256(yaml.dump(value).encode()).hexdigest()
