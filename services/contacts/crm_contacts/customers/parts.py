"""Rows of several collections, read by one question to the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_chassis.resources.document import Resource

Row = dict[str, Any]
Rows = Mapping[str, list[Row]]
_MARK = "part"


@dataclass(frozen=True)
class Part:
    """Some rows of a collection: what they are called in the answer, and how they are found."""

    name: str
    document: type[Resource]
    stages: Sequence[Row]


def rows_of_parts(parts: Sequence[Part]) -> Rows:
    """The rows of every part, each in its own order.

    Several questions cost the service and the database more than what they answer.
    """
    found: dict[str, list[Row]] = {part.name: [] for part in parts}
    if not parts:
        return found
    first, *others = parts
    stages = _marked(first)
    stages += [
        {"$unionWith": {"coll": part.document.rows().name, "pipeline": _marked(part)}}
        for part in others
    ]
    for row in first.document.rows().aggregate(stages):
        found[row.pop(_MARK)].append(row)
    return found


def _marked(part: Part) -> list[Row]:
    return [*part.stages, {"$set": {_MARK: part.name}}]
