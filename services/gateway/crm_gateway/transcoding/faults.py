"""What is wrong with a request, and where."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias

Place = Literal["body", "query", "path", "header"]

# Where a value stands: the place of what holds it and its own key or index; None is the whole.
Path: TypeAlias = "tuple[Path, str | int] | None"

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


class Fault(NamedTuple):
    """One thing that is wrong; `field` is as the document has it (`emails[0].address`)."""

    field: str
    place: Place
    reason: str
    description: str


class Malformed(Exception):
    """A request is not what the document describes."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.reason}" for fault in faults))
        self.faults = tuple(faults)


class Flaws:
    """Collects what a decoder finds wrong in one part of a request."""

    __slots__ = ("found", "place")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.found: list[Fault] = []

    def add(self, path: Path, reason: str, description: str) -> None:
        self.found.append(Fault(words(path), self.place, reason, description))


def words(path: Path) -> str:
    """A place in the document's words: `externalIds.erp`, `emails[0].address`."""
    steps: list[str | int] = []
    while path is not None:
        path, step = path
        steps.append(step)
    return join(reversed(steps))


def join(steps: Iterable[str | int]) -> str:
    """The steps to a value, from the outermost, as one text."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step[:64])}]"
    return text
