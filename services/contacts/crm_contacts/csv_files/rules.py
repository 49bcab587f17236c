"""Decisions about CSV files: how bytes are text, how text is cells, how cells stay harmless."""

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from charset_normalizer import from_bytes

from crm_chassis.kernel.errors import Flaw, Invalid

DELIMITERS = (",", ";", "\t", "|")
UNREADABLE = "\ufffd"
_ASCII = bytes(range(128))
# What a file without a mark can be that is not UTF-8; the first is by far the likeliest.
_CODE_PAGES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp932", "gb18030")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 64 * 1024
# A record has so many lines at the most; a quote that stays open longer was never meant as one.
_MOST_LINES = 200
# A spreadsheet takes a cell for a formula that starts like this. Source: OWASP, CSV Injection.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_QUOTED_FORMULA = re.compile(r"'+[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: its trimmed cells, and why it cannot be read, if so."""

    cells: list[str]
    fault: str = ""


def encoding_of(pieces: Iterable[bytes]) -> str:
    """The encoding of a file: what its mark says, UTF-8 where it reads so, else the likeliest.

    A few bytes that are wrong do not make a file less UTF-8, however small it is; they are read as
    `UNREADABLE`. In a code page hardly any two letters beyond ASCII make one of UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    sample = bytearray()
    readable = unreadable = 0
    for number, piece in enumerate(pieces):
        if number == 0 and (known := _marked(piece) or _unmarked_utf16(piece)):
            return known
        if piece.isascii():
            continue
        text = decoder.decode(piece)
        wrong = text.count(UNREADABLE)
        unreadable += wrong
        readable += len(text) - wrong - _count_ascii(piece)
        if len(sample) < _SAMPLE:
            sample += _lines_beyond_ascii(piece)
    return "utf-8" if unreadable <= readable else _likeliest(bytes(sample[:_SAMPLE]))


def _count_ascii(piece: bytes) -> int:
    return len(piece) - len(piece.translate(None, _ASCII))


def _marked(start: bytes) -> str | None:
    return next((name for mark, name in _BOMS if start.startswith(mark)), None)


def _unmarked_utf16(start: bytes) -> str | None:
    """UTF-16 without its mark: delimiters and ends of lines have a zero on the same side."""
    left, right = start[::2].count(0), start[1::2].count(0)
    if left + right < len(start) // 40 + 1:
        return None
    if right > 4 * left:
        return "utf-16-le"
    return "utf-16-be" if left > 4 * right else None


def _lines_beyond_ascii(piece: bytes) -> bytes:
    return b"\n".join(line for line in piece.splitlines() if not line.isascii()) + b"\n"


def _likeliest(sample: bytes) -> str:
    """The likeliest code page; of several that read equally well, the western one."""
    matches = from_bytes(sample, cp_isolation=list(_CODE_PAGES))
    best = matches.best()
    if best is None:
        return _CODE_PAGES[0]
    equal = [match for match in matches if match.chaos == best.chaos]
    equal = [match for match in equal if match.coherence == best.coherence]
    if any(_CODE_PAGES[0] in match.could_be_from_charset for match in equal):
        return _CODE_PAGES[0]
    return str(best.encoding)


def delimiter_of(lines: Iterable[str], columns: Collection[str]) -> str:
    """The delimiter under which the first record names most of the wanted columns."""
    start = list(islice(lines, _MOST_LINES))

    def named(delimiter: str) -> int:
        header = next((record.cells for record in records(start, delimiter)), [])
        return len(set(columns).intersection(header))

    return max(DELIMITERS, key=named)


def records(lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    """The records that are not blank.

    A record that cannot be read (a quote that is never closed, or closed within a cell) costs its
    first line only: the next line begins the next record.
    """
    source = _Lines(lines)
    reader = csv.reader(source, delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        source.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            line = source.keep_first_line()
            reader = csv.reader(source, delimiter=delimiter, skipinitialspace=True, strict=True)
            record = _forgiven(line, delimiter, str(error))
        else:
            record = Record([cell.strip() for cell in cells])
        if any(record.cells):
            yield record


def _forgiven(line: str, delimiter: str, fault: str) -> Record:
    """The record of a line with text around its quotes, where each quote has its pair."""
    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    balanced = line.count('"') % 2 == 0
    return Record([cell.strip() for cell in cells], "" if balanced else f"the quotes: {fault}")


class _Lines:
    """Lines for a reader, which gives back those that a broken record took too many."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rest = iter(lines)
        self._again: list[str] = []
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._taken) >= _MOST_LINES:
            raise csv.Error("one is never closed")
        line = self._again.pop() if self._again else next(self._rest)
        self._taken.append(line)
        return line

    def begin_record(self) -> None:
        """What was taken so far was read."""
        self._taken.clear()

    def keep_first_line(self) -> str:
        """Give back all that was taken since but the first line, which is given here."""
        first, *others = self._taken
        self._again.extend(reversed(others))
        return first


def header_of(found: Iterator[Record], columns: Iterable[str]) -> list[str]:
    """The names of the file's columns, from its first record.

    Raises:
        Invalid: the file is empty, or a wanted column is not there, or there twice.
    """
    header = next((record.cells for record in found), None)
    if header is None:
        raise Invalid("The file is empty.", Flaw("file", "EMPTY_FILE", "has no header"))
    flaws = []
    for column in columns:
        if (count := header.count(column)) == 0:
            flaws.append(Flaw(f"config.columns.{column}", "UNKNOWN_COLUMN", "is not in the file"))
        elif count > 1:
            flaws.append(Flaw(f"config.columns.{column}", "AMBIGUOUS_COLUMN", "is there twice"))
    if flaws:
        raise Invalid("The file does not have the columns.", *flaws)
    return header


def row_of(cells: Sequence[str]) -> str:
    """The line of cells, quoted where needed, none of which a spreadsheet takes for a formula."""
    line = io.StringIO()
    csv.writer(line).writerow([harmless(cell) for cell in cells])
    return line.getvalue()


def harmless(cell: str) -> str:
    """The cell as text: a quote before what would be a formula; numbers stay as they are."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def as_written(cell: str) -> str:
    """The cell without the quote that `harmless` puts before it."""
    return cell[1:] if _QUOTED_FORMULA.match(cell) else cell
