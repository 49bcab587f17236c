"""What the command line says: results on standard output, what went wrong on standard error."""

import os
import sys
from collections.abc import Sequence

from crm_gateway.crmctl.client import Json, Problem


def say(text: str = "") -> None:
    """A line of the result."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """A line about what went wrong, or how far it is."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def forget_output() -> None:
    """Nobody reads it any more: nothing is left to be written at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show_progress(text: str) -> None:
    """How far it is, in place, for somebody who watches."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text}\033[K")
        sys.stderr.flush()


def end_progress() -> None:
    """Clear what `show_progress` wrote."""
    show_progress("")


def show_table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as what stands in them; numbers to the right."""
    texts = [list(titles), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(titles))]
    are_numbers = [
        bool(rows) and all(isinstance(row[place], int) for row in rows)
        for place in range(len(titles))
    ]
    for row in texts:
        cells = [
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, are_numbers, strict=True)
        ]
        say("  ".join(cells).rstrip())


def show_fields(document: Json) -> None:
    """A field a line."""
    width = max((len(name) for name in document), default=0)
    for name, value in document.items():
        say(f"{name.ljust(width)}  {value}")


def explain(problem: Problem) -> None:
    """What the API said no to, and to what of it."""
    told = problem.document
    reason = told.get("reason", "")
    complain(f"error: {problem} ({reason})" if reason else f"error: {problem}")
    for error in told.get("errors", ()):
        place = f"{error.get('in', '')} {error.get('field', '')}".strip()
        complain(f"  {place}: {error.get('description', '')} ({error.get('reason', '')})")
    if problem.status == 401:
        complain("  CRM_API_KEY is not a key of this installation, or counts no longer.")
    if told.get("instance"):
        complain(f"  request {told['instance']}")
