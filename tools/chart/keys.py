"""The keys that people may have in their values: a change of one is told in UPGRADING.md."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chart.places import CHART

SCHEMA, RELEASED, UPGRADING = (
    CHART / "values.schema.json",
    CHART / "ci" / "released-keys.txt",
    CHART / "UPGRADING.md",
)
Schema = Mapping[str, Any]


def schema_keys(schema: Schema) -> set[str]:
    """Every key that the schema knows, as `image.tag`; `[]` stands for the items of a list.

    What stands at several places is named by its kind: `pod.labels`, `worker.replicas`.
    """
    own = _keys(schema, "")
    shared = (key for name, kind in schema["$defs"].items() for key in _keys(kind, name))
    return {*own, *shared}


def untold(released: Iterable[str], now: Iterable[str], upgrading: str) -> list[str]:
    """The keys that came or went since the last release, and are not in UPGRADING.md."""
    changed = set(released) ^ set(now)
    return sorted(key for key in changed if f"`{key}`" not in upgrading)


def complaints() -> Iterator[str]:
    """What UPGRADING.md does not tell."""
    released = RELEASED.read_text(encoding="utf-8").splitlines()
    upgrading = UPGRADING.read_text(encoding="utf-8")
    for key in untold(released, _now(), upgrading):
        yield f"UPGRADING.md does not tell of `{key}`"


def release() -> None:
    """Write down the keys as they are: what is promised from now on."""
    RELEASED.write_text("".join(f"{key}\n" for key in sorted(_now())), encoding="utf-8")


def _now() -> set[str]:
    return schema_keys(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _keys(schema: Schema, path: str) -> Iterator[str]:
    if path:
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from _keys(inner, f"{path}.{name}" if path else name)
    if isinstance(schema.get("items"), Mapping):
        yield from _keys(schema["items"], f"{path}[]")
