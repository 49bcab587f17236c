"""Rows of several collections, read by one question to the database.

A question costs the service and the database more than a few dozen rows do: what belongs together
is asked for together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_chassis.mongo.connection import without_zones

Row = dict[str, Any]
Rows = Mapping[str, list[Row]]
_MARK = "part"


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a collection: what they are called in the answer, and how they are found."""

    name: str
    collection: Any
    stages: Sequence[Row]


def rows_of_parts(parts: Sequence[Part]) -> Rows:
    """The rows of every part, each in its own order. Their moments have no zone and are UTC."""
    found: dict[str, list[Row]] = {part.name: [] for part in parts}
    if not parts:
        return found
    first, *others = parts
    unions = [
        {"$unionWith": {"coll": part.collection.name, "pipeline": _marked(part)}} for part in others
    ]
    for row in without_zones(first.collection).aggregate([*_marked(first), *unions]):
        found[row.pop(_MARK)].append(row)
    return found


def _marked(part: Part) -> list[Row]:
    return [*part.stages, {"$set": {_MARK: part.name}}]
