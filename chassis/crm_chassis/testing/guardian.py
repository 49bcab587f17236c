"""Ends the servers of a test run when the run ends, however that happens.

A run that is killed cannot do it itself, and with several workers the one that started a server
may be the first to finish: so a small process waits for the end of the run.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def end_with(run: int, servers: Iterable[int], folder: Path) -> None:
    """See to it that the processes `servers` and their `folder` go when the process `run` has."""
    command = [sys.executable, "-m", __name__, str(run), str(folder), *map(str, servers)]
    subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def guard(run: int, folder: Path, servers: Sequence[int]) -> None:
    """Wait for the end of `run`, then kill `servers` and remove `folder`."""
    handles = [os.pidfd_open(server) for server in servers]
    with contextlib.suppress(ProcessLookupError):
        select.select([os.pidfd_open(run)], [], [])
    for handle in handles:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    select.select(handles, [], [], 5)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    guard(int(sys.argv[1]), Path(sys.argv[2]), [int(argument) for argument in sys.argv[3:]])
