"""Keeps the file `pids` right, and sees to it that what was killed is started again at once.

The supervisor tells it of every change of a process, as an event listener. By itself the supervisor
looks once a second whether a process ended and once a second what it has to start again; each
question that it is asked makes it look now.
"""

import contextlib
import os
import select
import sys
import time
from pathlib import Path
from xmlrpc.client import Fault

from supervisor.childutils import listener

from stack.layout import Layout, replace_file
from stack.programs import MIGRATE
from stack.services import WATCHING
from stack.supervision import Info, program_states

KILLED = -1
# What ends by itself sooner than this would only end again: that is not hastened.
SOUND = 10.0
# How soon it is looked again for a process that another one is just starting.
CHILD_STARTS = 0.1
# After so long it is not looked for any more: that process serves itself.
LATEST_CHILD = 15.0


def follow(layout: Layout) -> None:
    """Take the supervisor's events, and the ends of processes as the kernel tells them."""
    handles: dict[int, int] = {}
    listener.ready(sys.stdout)
    while True:
        started, complete = _write_pids(layout)
        _watch(handles, started)
        pause = None if complete else CHILD_STARTS
        readable, _, _ = select.select([sys.stdin, *handles.values()], [], [], pause)
        if sys.stdin in readable:
            _take_event()
        for pid in [pid for pid, handle in handles.items() if handle in readable]:
            _hasten(layout, pid)


def _take_event() -> None:
    headers = dict(pair.split(":") for pair in sys.stdin.readline().split())
    if not headers:  # the supervisor has ended
        sys.exit()
    sys.stdin.read(int(headers["len"]))
    listener.ok(sys.stdout)
    listener.ready(sys.stdout)


def _write_pids(layout: Layout) -> tuple[set[int], bool]:
    """Write the file. Gives the pids of what the supervisor started, and whether all serve."""
    running = {name: info for name, info in _states(layout).items() if info["pid"]}
    serving = {
        name: _serving(info["pid"]) if name in WATCHING else info["pid"]
        for name, info in running.items()
        if name != MIGRATE
    }
    lines = [f"{name} {pid or running[name]['pid']}\n" for name, pid in sorted(serving.items())]
    replace_file(layout.pids, "".join(lines))
    late = [running[name]["start"] for name, pid in serving.items() if pid is None]
    complete = all(time.time() - start > LATEST_CHILD for start in late)
    return {info["pid"] for info in running.values()}, complete


def _serving(watching: int) -> int | None:
    """The process that this one watches over; None while there is none."""
    with contextlib.suppress(OSError):
        told = Path(f"/proc/{watching}/task/{watching}/children").read_text(encoding="ascii")
        for child in map(int, told.split()):
            command = Path(f"/proc/{child}/cmdline").read_bytes()
            if b"resource_tracker" not in command:
                return child
    return None


def _watch(handles: dict[int, int], running: set[int]) -> None:
    for gone in handles.keys() - running:
        os.close(handles.pop(gone))
    for new in running - handles.keys():
        with contextlib.suppress(ProcessLookupError):
            handles[new] = os.pidfd_open(new)


def _hasten(layout: Layout, dead: int) -> None:
    """Ask until the supervisor has seen the end of a process, and begun again with it."""
    end = time.monotonic() + 1
    name = next((name for name, info in _states(layout).items() if info["pid"] == dead), None)
    while name and time.monotonic() < end:
        info = _states(layout).get(name)
        if info is None or (info["pid"] != dead and not _is_due(info)):
            return
        time.sleep(0.005)


def _is_due(info: Info) -> bool:
    """Whether it ended and will be started again, and that is worth hastening."""
    if info["statename"] != "EXITED":
        return False
    return bool(info["exitstatus"] == KILLED or info["stop"] - info["start"] > SOUND)


def _states(layout: Layout) -> dict[str, Info]:
    try:
        return program_states(layout)
    except (OSError, Fault):  # it is shutting down
        return {}


if __name__ == "__main__":
    follow(Layout(Path(sys.argv[1])))
