"""CSV files are read as they were meant, and written so that no spreadsheet runs them."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_chassis.kernel.errors import Invalid
from crm_contacts.csv_files.rules import (
    as_written,
    delimiter_of,
    encoding_of,
    harmless,
    header_of,
    records,
    row_of,
)

WESTERN = "id,name,town\n1,Irène Lefèvre,Besançon\n2,José Muñoz,Málaga\n3,Jörg Groß,Zürich\n"
CZECH = "id,name\n" + "".join(f"{n},Jiří Dvořák,Šárka Žižková Ústí nad Labem\n" for n in range(9))
RUSSIAN = "id,name\n" + "".join(f"{n},Анна Смирнова,Москва\n" for n in range(9))


def pieces_of(content: bytes, size: int = 7) -> list[bytes]:
    return [content[begin : begin + size] for begin in range(0, len(content), size)]


def cells_of(text: str, delimiter: str = ",") -> list[list[str]]:
    return [record.cells for record in records(io.StringIO(text, newline=""), delimiter)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [WESTERN, RUSSIAN])
def test_unicode_is_recognised_with_and_without_its_mark(text, encoding):
    content = text.encode(encoding)

    found = encoding_of([content])

    assert content.decode(found) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (WESTERN, "latin-1"),
        (WESTERN, "cp1252"),
        ("id,name\n1,Müller\n", "latin-1"),
        ("id,name\n1,„Groß“\n2,Müller\n", "cp1252"),
        (RUSSIAN, "cp1251"),
        ("a,b\n1,2\n", "ascii"),
    ],
)
def test_code_pages_are_recognised(text, encoding):
    content = text.encode(encoding)

    assert content.decode(encoding_of(pieces_of(content, 4096))) == text


def test_one_wrong_byte_does_not_make_a_file_less_utf8():
    content = ("é" * 500 + "\n").encode() + b"\xff\n" + ("ü" * 500).encode()

    assert encoding_of(pieces_of(content, 64)) == "utf-8"


@pytest.mark.parametrize("wrong", [b"\xff", b"M\xfcller", b"\xff\xfe", b"\xc3"])
def test_nor_does_a_wrong_row_in_a_small_one(wrong):
    content = "id,name\n1,Zoë\n2,José\n3,".encode() + wrong + b"\n4,Bob\n"

    assert encoding_of(pieces_of(content)) == "utf-8"


def test_characters_cut_by_a_piece_are_read_whole():
    assert encoding_of(pieces_of(("日本語" * 50).encode(), 4)) == "utf-8"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_shows_the_wanted_columns(delimiter):
    text = delimiter.join(["id", '"name, first"', "town"]) + "\n"

    assert delimiter_of([text], ["id", "name, first"]) == delimiter


def test_cells_are_trimmed_and_blank_lines_are_no_records():
    text = 'id , name\n\n1, " Ann " , \r\n , ,\n2,Bob\n'

    assert cells_of(text) == [["id", "name"], ["1", "Ann", ""], ["2", "Bob"]]


def test_quoted_cells_hold_delimiters_quotes_and_lines():
    text = 'id,note\n1,"a, ""b""\nc"\n'

    assert cells_of(text) == [["id", "note"], ["1", 'a, "b"\nc']]


def test_a_quote_that_is_never_closed_costs_its_own_line_only():
    text = 'id,name\n1,"Ann\n2,"Bob"\n3,Cid\n'

    found = list(records(io.StringIO(text), ","))

    assert [record.cells[0] for record in found] == ["id", "1", "2", "3"]
    assert [bool(record.fault) for record in found] == [False, True, False, False]


def test_a_quote_open_to_the_end_of_a_long_file_costs_its_own_line_only():
    text = '1,"Ann\n' + "".join(f"{number},Bob\n" for number in range(2, 1000))

    found = list(records(io.StringIO(text), ","))

    assert len(found) == 999
    assert [record.cells[0] for record in found if record.fault] == ["1"]


def test_text_beside_quotes_is_taken_as_it_stands():
    assert cells_of('1,"Ann" Lee,x\n2,Bob,y\n') == [["1", "Ann Lee", "x"], ["2", "Bob", "y"]]


def test_an_empty_file_and_missing_or_double_columns_are_told_precisely():
    with pytest.raises(Invalid) as empty:
        header_of(records(["\n", " , \n"], ","), ["id"])
    with pytest.raises(Invalid) as wrong:
        header_of(records(["id,id,name\n"], ","), ["id", "town", "name"])

    assert [flaw.reason for flaw in empty.value.flaws] == ["EMPTY_FILE"]
    assert [(flaw.field, flaw.reason) for flaw in wrong.value.flaws] == [
        ("config.columns.id", "AMBIGUOUS_COLUMN"),
        ("config.columns.town", "UNKNOWN_COLUMN"),
    ]


@pytest.mark.parametrize(
    "formula",
    [
        "=1+1",
        "+1-1",
        "-2+3",
        "@SUM(1)",
        "=cmd|' /C calc'!A0",
        "\t=1",
        "\r=1",
        '=HYPERLINK("http://x")',
        "+cmd",
        "-cmd",
        "--1",
        "'=1",
        "+1+cmd|' /C calc'!A0",
    ],
)
def test_formulas_are_written_as_text(formula):
    assert harmless(formula).startswith("'")
    assert as_written(harmless(formula)) == formula


@pytest.mark.parametrize("number", ["-5", "+41446681800", "-3.14", "1e5", "007", "O'Hara"])
def test_numbers_and_names_stay_as_they_are(number):
    assert harmless(number) == number


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_every_cell_comes_back_as_it_was(cells):
    [found] = csv.reader(io.StringIO(row_of(cells), newline=""))

    assert [as_written(cell) for cell in found] == cells
