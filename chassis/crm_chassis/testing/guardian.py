"""Runs a command when a test run has ended, however that happens.

A run that is killed cannot end the servers it started, and with several workers the one that
started them may be the first to finish: so a small process waits for the end of the run.
"""

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def after_run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """See to it that `command` is run when this test run is over."""
    subprocess.Popen(
        [sys.executable, "-m", __name__, str(_run()), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )


def end_servers(pids: Iterable[int], folder: Path) -> None:
    """See to it that these servers and their `folder` go when this test run is over."""
    after_run(["sh", "-c", 'kill -9 "$@"; rm -rf "$0"', str(folder), *map(str, pids)])


def _run() -> int:
    """The process whose end is the end of the run: with workers, the one that started them."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def _wait_and_run(watched: int, command: Sequence[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        select.select([os.pidfd_open(watched)], [], [])
    os.execvp(command[0], list(command))


if __name__ == "__main__":
    _wait_and_run(int(sys.argv[1]), sys.argv[2:])
