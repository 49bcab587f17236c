"""Reads of imports: the uploaded file, the contacts that rows match, the rows not taken."""

import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_chassis.kernel.ids import id_of
from crm_chassis.resources.claims import holders_of
from crm_chassis.resources.search import value_condition
from crm_chassis.resources.visibility import condition
from crm_chassis.telemetry.context import current_call
from crm_contacts.contacts.documents import Contact
from crm_contacts.csv_files.rules import (
    Record,
    delimiter_of,
    encoding_of,
    header_of,
    records,
    row_of,
)
from crm_contacts.imports.documents import bad_row_id, bad_rows, files

_PIECE = 256 * 1024
_LINES = 500


@dataclass(frozen=True, slots=True)
class Key:
    """What a row is matched by: a path (`externalIds.erp`, `emails.address`) and its value."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Layout:
    """How the bytes of a file are to be read."""

    encoding: str
    delimiter: str


def layout_of(file_id: str, columns: Collection[str], most: int | None = None) -> Layout:
    """The layout of an uploaded file, or as its first `most` bytes tell it."""
    with files().open_download_stream(file_id) as stream:
        encoding = encoding_of(_pieces(stream, most))
    with _lines(file_id, encoding) as lines:
        return Layout(encoding, delimiter_of(lines, columns))


class File:
    """An uploaded file, read from its start: the header, then the records."""

    def __init__(self, file_id: str, layout: Layout, columns: Iterable[str]) -> None:
        """Open it.

        Raises:
            Invalid: it is empty, or has not the columns.
        """
        self._lines = _lines(file_id, layout.encoding)
        self._records = records(self._lines, layout.delimiter)
        self.header = header_of(self._records, columns)

    def __iter__(self) -> Iterator[Record]:
        return self._records

    def close(self) -> None:
        """Read no more."""
        self._lines.close()


def count_records(file_id: str, layout: Layout, columns: Iterable[str]) -> int:
    """How many records follow the header.

    Raises:
        Invalid: as in `File`.
    """
    file = File(file_id, layout, columns)
    try:
        return sum(1 for _ in file)
    finally:
        file.close()


def contacts_by_key(keys: Iterable[Key]) -> dict[Key, set[str]]:
    """The names of the contacts that the caller may see and that have the values of the keys."""
    values: dict[str, set[str]] = {}
    for key in keys:
        values.setdefault(key.path, set()).add(key.value)
    found: dict[Key, set[str]] = {}
    for path, wanted in values.items():
        for value, contact_id in _holders(path, sorted(wanted)):
            name = f"{Contact.collection()}/{contact_id}"
            found.setdefault(Key(path, value), set()).add(name)
    return found


def stored_contacts(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The rows of the contacts, by name."""
    wanted = [id_of(name) for name in names]
    rows = Contact.rows().find({"_id": {"$in": wanted}}) if wanted else ()
    return {f"{Contact.collection()}/{row['_id']}": row for row in rows}


def _holders(path: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    if path == "emails.address":
        yield from _having({"emails.address": {"$in": values}}, "emails", "address", set(values))
    elif path == "phones.number":
        # The numbers have no index of their own; they are among the words.
        wanted = value_condition(Contact, values)
        yield from _having(wanted, "phones", "number", set(values))
    else:
        yield from _claimants(path.partition(".")[2], values)


def _having(
    wanted: Mapping[str, Any], field: str, below: str, values: Collection[str]
) -> Iterator[tuple[str, str]]:
    for row in _visible(wanted, f"{field}.{below}"):
        for item in row.get(field, ()):
            if item[below] in values:
                yield item[below], row["_id"]


def _claimants(system: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    claims = {f"{Contact.collection()}/{system}/{value}": value for value in values}
    holders = {
        name.rpartition("/")[2]: claims[claim] for claim, name in holders_of(list(claims)).items()
    }
    for row in _visible({"_id": {"$in": list(holders)}}, "_id"):
        yield holders[row["_id"]], row["_id"]


def _visible(wanted: Mapping[str, Any], field: str) -> Iterator[dict[str, Any]]:
    may_see = condition(Contact, current_call().principal)
    rows: Iterator[dict[str, Any]] = Contact.rows().find(
        {"$and": [wanted, may_see], "delete_time": None}, {field: 1}
    )
    return rows


def bad_rows_of(operation: Mapping[str, Any]) -> Iterator[bytes]:
    """The rows that an import could not take, as a CSV file with the reason in its last column.

    All are as wide as the widest, so that the reasons stand below each other.
    """
    span = {"$gte": bad_row_id(operation["_id"], 0), "$lt": f"{operation['_id']}0"}
    width = _width_of(span)
    lines: list[str] = []
    for row in bad_rows().find({"_id": span}, sort={"_id": 1}):
        cells = row["cells"] + [""] * (width - len(row["cells"]))
        lines.append(row_of([*cells, row["reason"]]))
        if len(lines) == _LINES:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


def _width_of(span: Mapping[str, str]) -> int:
    widest = {"_id": None, "width": {"$max": {"$size": "$cells"}}}
    found = bad_rows().aggregate([{"$match": {"_id": span}}, {"$group": widest}])
    return max((row["width"] for row in found), default=0)


class _Stream(io.RawIOBase):
    """A file of GridFS as the standard library reads files: asked for pieces, not for lines."""

    def __init__(self, file_id: str) -> None:
        super().__init__()
        self._stream = files().open_download_stream(file_id)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def _lines(file_id: str, encoding: str) -> io.TextIOWrapper:
    stream = io.BufferedReader(_Stream(file_id), _PIECE)
    return io.TextIOWrapper(stream, encoding, "replace", newline="")


def _pieces(stream: Any, most: int | None) -> Iterator[bytes]:
    left = most
    while piece := stream.read(_PIECE if left is None else min(left, _PIECE)):
        yield piece
        left = None if left is None else left - len(piece)
