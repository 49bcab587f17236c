"""The tables of the chart's README: its values as their comments tell, and who talks to whom."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from chart.places import CHART
from generated import told

README, VALUES = CHART / "README.md", CHART / "values.yaml"
MATRIX = CHART / "files" / "matrix.yaml"
BLOCK = re.compile(r"(<!-- (values|connections) -->\n).*?(<!-- end -->)", re.DOTALL)
# These are documented once, at the first of their kind.
ALIKE = (
    (re.compile(r"^processes\.[a-z]+\."), "processes.api."),
    (re.compile(r"^services\.[a-z-]+\."), "services.contacts."),
    (re.compile(r"^services\.contacts\.(consumer|relay|worker)$"), "services.contacts.api"),
)


@dataclass(frozen=True)
class Key:
    """A key of the values, with its default and what the comment above it says."""

    path: str
    default: Any
    comment: str
    is_leaf: bool


def keys(text: str) -> list[Key]:
    """All keys of a file of values; what is written in one line is one key.

    One of which nothing is said means what the first of its like does.
    """
    found = list(_keys(yaml.compose(text), text.splitlines(), ""))
    said = {key.path: key.comment for key in found}
    return [
        replace(key, comment=key.comment or said.get(_first_alike(key.path), "")) for key in found
    ]


def generated() -> dict[Path, str]:
    """The README with its tables as they are now."""
    tables = {"values": _values_table(), "connections": _connections_table()}
    return {README: BLOCK.sub(lambda found: found[1] + tables[found[2]] + found[3], _text(README))}


def present() -> set[Path]:
    """The README."""
    return {README}


def connections() -> dict[str, dict[str, dict[str, Any]]]:
    """files/matrix.yaml: what each process of each service serves, calls and needs."""
    matrix: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(_text(MATRIX))
    return matrix


def complaints() -> Iterator[str]:
    """The keys of which nothing is said."""
    for key in keys(_text(VALUES)):
        if not key.comment:
            yield f"{told(VALUES)}: nothing is said of {key.path}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _keys(node: Any, lines: list[str], prefix: str) -> Iterator[Key]:
    for key, value in node.value:
        path = f"{prefix}{key.value}"
        comment = _comment_above(lines, key.start_mark.line)
        is_leaf = not isinstance(value, yaml.MappingNode) or bool(value.flow_style)
        yield Key(path, _plain(value), comment, is_leaf)
        if not is_leaf:
            yield from _keys(value, lines, f"{path}.")


def _plain(node: Any) -> Any:
    return yaml.SafeLoader("").construct_document(node)


def _comment_above(lines: list[str], line: int) -> str:
    words: list[str] = []
    while line and (above := lines[line - 1].strip()).startswith("#"):
        words.insert(0, above.lstrip("# "))
        line -= 1
    return " ".join(words)


def _first_alike(path: str) -> str:
    for pattern, first in ALIKE:
        path = pattern.sub(first, path)
    return path


def _values_table() -> str:
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for key in keys(_text(VALUES)):
        default = f"`{json.dumps(key.default)}`" if key.is_leaf else ""
        rows.append(f"| `{key.path}` | {default} | {key.comment} |")
    return "\n".join([*rows, ""])


def _connections_table() -> str:
    rows = ["| process | is called on | calls | needs |", "|---|---|---|---|"]
    for service, processes in connections().items():
        for process, facts in processes.items():
            served = ", ".join(
                [*facts.get("serves", []), *(["metrics"] if "drain" in facts else [])]
            )
            calls = ", ".join(f"{peer}/api" for peer in facts.get("calls", []))
            watched = ["the metrics of every process"] if facts.get("watches") else []
            needs = ", ".join([*facts.get("needs", []), *watched])
            rows.append(f"| {service}/{process} | {served} | {calls} | {needs} |")
    return "\n".join([*rows, ""])
