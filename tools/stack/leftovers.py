"""Finding and ending every process of a stack, whoever started it and whatever became of that."""

import contextlib
import os
import signal
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from crm_chassis.testing.waiting import wait_until
from stack.layout import Layout

# In the environment of everything that belongs to a stack.
MARK = "CRM_STACK"


def marked_processes(layout: Layout) -> list[int]:
    """Every process that belongs to a stack."""
    mark = f"{MARK}={layout.folder}".encode()
    folders = [folder for folder in Path("/proc").iterdir() if folder.name.isdecimal()]
    marked = [int(folder.name) for folder in folders if mark in _environment(folder)]
    return [pid for pid in marked if pid != os.getpid()]


def end_leftovers(layout: Layout, known: Iterable[int]) -> None:
    """End what is left of a stack, and wait until the kernel has forgotten it and what is `known`.

    Where nobody takes note of ended orphans they stay on its list; that is not waited for.
    """
    pids = {*known, *marked_processes(layout)}
    for number, patience in ((signal.SIGTERM, 2), (signal.SIGKILL, 20)):
        with contextlib.suppress(TimeoutError):
            wait_until(partial(_all_told, layout, number), patience)
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 1)


def _all_told(layout: Layout, number: signal.Signals) -> bool:
    left = marked_processes(layout)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return not left


def _environment(folder: Path) -> list[bytes]:
    try:
        return (folder / "environ").read_bytes().split(b"\0")
    except OSError:  # it has ended, or is somebody else's
        return []
