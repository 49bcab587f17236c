"""Decisions about imports: which column fills which field, and what a cell comes to."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from crm_chassis.kernel.errors import Flaw, Invalid, refuse_flaws
from crm_contacts.csv_files.rules import UNREADABLE, as_written

# `addresses[0]`, `postalCode`
_SEGMENT = re.compile(r"([A-Za-z]+)(?:\[(\d{1,2})\])?")
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_COMPACT_DAY = re.compile(r"\d{8}")
_WORD_START = re.compile(r"_([a-z])")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Form(Enum):
    """What is in a field."""

    TEXT = auto()
    DAY = auto()
    FLAG = auto()
    CHOICE = auto()
    GROUP = auto()
    NOTHING = auto()


@dataclass(frozen=True)
class Field:
    """A field of a resource as an import sees it: `below` are the fields of a group."""

    name: str
    form: Form
    many: bool = False
    keyed: bool = False
    choices: tuple[str, ...] = ()
    below: "Mapping[str, Field]" = field(default_factory=dict)


# By the name in JSON.
Fields = Mapping[str, Field]
# The way to a value: names of fields, places in lists, keys of maps.
Path = tuple[str | int, ...]
Values = dict[Any, Any]
Fill = Callable[[Sequence[str]], Any]


@dataclass(frozen=True)
class Target:
    """The field that a column fills."""

    path: Path
    field: Field


class Mode(Enum):
    """What to do with rows that match, or do not match, a contact that is there."""

    CREATE = auto()
    UPDATE = auto()
    UPSERT = auto()


class Decision(Enum):
    """What to do with a row."""

    CREATE = auto()
    UPDATE = auto()
    SKIP = auto()


@dataclass(frozen=True)
class Match:
    """By what a row matches a contact: an id elsewhere (`system`), an address or a number."""

    path: str
    system: str = ""

    def is_filled_by(self, path: Path) -> bool:
        """Whether a column that fills `path` tells it."""
        if self.system:
            return path == ("external_ids", self.system)
        name, below = self.path.split(".")
        return (path[0], path[-1]) == (name, below)


@dataclass(frozen=True)
class Plan:
    """How to read a file: the target of each column, and what to do with its rows."""

    targets: Mapping[str, Target]
    mode: Mode
    matches: tuple[Match, ...]
    dry_run: bool


def plan_of(
    columns: Mapping[str, str], mode: str, match_by: Sequence[str], dry_run: bool, fields: Fields
) -> Plan:
    """The plan that a configuration describes.

    Raises:
        Invalid: a column fills what is no field, or what another one fills; a row could not match.
    """
    flaws: list[Flaw] = []
    targets = _targets(columns, fields, flaws)
    chosen = Mode[mode] if mode in Mode.__members__ else Mode.CREATE
    matches = tuple(_matches(match_by, targets, flaws))
    if chosen is not Mode.CREATE and not match_by:
        text = "is needed to find the contacts to change"
        flaws.append(Flaw("config.match_by", "MISSING_MATCH", text))
    refuse_flaws(flaws)
    return Plan(targets, chosen, matches, dry_run)


def _targets(columns: Mapping[str, str], fields: Fields, flaws: list[Flaw]) -> dict[str, Target]:
    targets: dict[str, Target] = {}
    filled: set[Path] = set()
    for column, path in sorted((column.strip(), path) for column, path in columns.items()):
        place = f"config.columns.{column}"
        try:
            target = target_of(path, fields)
        except ValueError as error:
            flaws.append(Flaw(place, "UNKNOWN_FIELD", f"{path} {error}"))
            continue
        if target.path in filled or column in targets:
            flaws.append(Flaw(place, "FILLED_TWICE", f"{path} is filled by another column as well"))
        filled.add(target.path)
        targets[column] = target
    return targets


def target_of(path: str, fields: Fields) -> Target:
    """The field at a path such as `addresses[0].postalCode`.

    Raises:
        ValueError: there is none that a cell can fill; says why.
    """
    word, _, rest = path.partition(".")
    segment = _SEGMENT.fullmatch(word)
    found = fields.get(segment[1]) if segment else None
    if segment is None or found is None or found.form is Form.NOTHING:
        raise ValueError("is no field that a column can fill")
    place = segment[2]
    if found.many != (place is not None):
        raise ValueError(f"needs a place, as in {word}[0]" if found.many else "is no list")
    steps: Path = (found.name,) if place is None else (found.name, int(place))
    if found.keyed:
        if not _KEY.fullmatch(rest):
            raise ValueError(f"needs a key, as in {word}.erp")
        return Target((*steps, rest), found)
    if found.form is Form.GROUP:
        below = target_of(rest, found.below)
        return Target((*steps, *below.path), below.field)
    if rest:
        raise ValueError("has nothing below it")
    return Target(steps, found)


def _matches(
    match_by: Sequence[str], targets: Mapping[str, Target], flaws: list[Flaw]
) -> Iterator[Match]:
    paths = [target.path for target in targets.values()]
    for index, path in enumerate(match_by):
        place = f"config.match_by[{index}]"
        match = match_of(path)
        if match is None:
            text = f"{path} is none of externalIds.<system>, emails.address, phones.number"
            flaws.append(Flaw(place, "UNKNOWN_FIELD", text))
        elif not any(match.is_filled_by(filled) for filled in paths):
            flaws.append(Flaw(place, "NOT_FILLED", f"{path} is filled by no column"))
        else:
            yield match


def match_of(path: str) -> Match | None:
    """What a row can match by; None when the path is none of it."""
    if path in {"emails.address", "phones.number"}:
        return Match(path)
    name, _, system = path.partition(".")
    return Match(path, system) if name == "externalIds" and _KEY.fullmatch(system) else None


def reader_of(plan: Plan, header: Sequence[str], *, placed: bool = False) -> Fill:
    """A function from a record's cells to the values of its fields; empty cells are absent.

    Lists come without gaps, or as values by place where they are `placed`.

    Raises (the function):
        Invalid: a cell cannot be what its field holds.
    """
    tree: Values = {}
    for column, target in plan.targets.items():
        *way, last = target.path
        node = tree
        for step in way:
            node = node.setdefault(step, {})
        node[last] = _cell_reader(header.index(column), target, placed)
    return _filler(tree, placed)


def _filler(node: Values, placed: bool) -> Fill:
    fills = [
        (step, below if callable(below) else _filler(below, placed))
        for step, below in sorted(node.items(), key=lambda item: str(item[0]).zfill(2))
    ]

    def fill(cells: Sequence[str]) -> Any:
        found = {step: value for step, read in fills if (value := read(cells)) is not None}
        return found or None

    def fill_list(cells: Sequence[str]) -> Any:
        return [value for _, read in fills if (value := read(cells)) is not None] or None

    is_list = all(isinstance(step, int) for step in node)
    return fill_list if is_list and not placed else fill


def _cell_reader(index: int, target: Target, placed: bool) -> Fill:
    form = target.field.form
    read = _set_flag if form is Form.FLAG and not placed else _READERS.get(form)

    def take(cells: Sequence[str]) -> Any:
        cell = cells[index]
        if not cell:
            return None
        if UNREADABLE in cell:
            raise _bad_cell(target, "UNREADABLE", "has a character that cannot be read")
        cell = as_written(cell) if cell[0] == "'" else cell
        return read(cell, target) if read is not None else cell

    return take


def _day(cell: str, _target: Target) -> str:
    return f"{cell[:4]}-{cell[4:6]}-{cell[6:]}" if _COMPACT_DAY.fullmatch(cell) else cell


def _flag(cell: str, target: Target) -> bool:
    flag = _FLAGS.get(cell.lower())
    if flag is None:
        raise _bad_cell(target, "UNKNOWN_VALUE", "is neither true nor false")
    return flag


def _set_flag(cell: str, target: Target) -> bool | None:
    """What is false is not set in a new row."""
    return _flag(cell, target) or None


def _choice(cell: str, target: Target) -> str:
    word = cell.upper()
    if word not in target.field.choices:
        raise _bad_cell(target, "UNKNOWN_VALUE", f"is none of {', '.join(target.field.choices)}")
    return word


def _bad_cell(target: Target, reason: str, text: str) -> Invalid:
    return Invalid("A cell is not valid.", Flaw(worded(target.path), reason, text))


_READERS: Mapping[Form, Callable[[str, Target], Any]] = {
    Form.DAY: _day,
    Form.FLAG: _flag,
    Form.CHOICE: _choice,
}


def decide(mode: Mode, matches: int) -> Decision:
    """What to do with a row that matches so many contacts.

    Raises:
        Invalid: it would change one of several.
    """
    if matches == 0:
        return Decision.SKIP if mode is Mode.UPDATE else Decision.CREATE
    if mode is Mode.CREATE:
        return Decision.SKIP
    if matches > 1:
        flaw = Flaw("row", "AMBIGUOUS_MATCH", "matches several contacts")
        raise Invalid("The row matches several contacts.", flaw)
    return Decision.UPDATE


def worded(path: Path) -> str:
    """A path as fields are named in refusals: `addresses[0].postal_code`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text[1:]


def reason_of(flaws: Sequence[Flaw]) -> str:
    """What is wrong with a row, in one cell: fields are named as in JSON."""
    return "; ".join(
        f"{_WORD_START.sub(lambda word: word[1].upper(), flaw.field)}"
        f" {flaw.description or 'is not valid'} ({flaw.reason})"
        for flaw in flaws
    )


def overlay(stored: Any, placed: Any) -> Any:
    """What is stored with the placed values over it: only what they name changes."""
    if not isinstance(placed, dict):
        return placed
    if all(isinstance(step, int) for step in placed):
        items = list(stored or ())
        for place, value in placed.items():
            if place < len(items):
                items[place] = overlay(items[place], value)
            else:
                items.append(overlay(None, value))
        return items
    merged = dict(stored or {})
    for name, value in placed.items():
        merged[name] = overlay(merged.get(name), value)
    return {name: value for name, value in merged.items() if value is not False}
