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
from stack.supervision import Info, program_states

KILLED = -1
# What ends by itself sooner than this would only end again: that is not hastened.
SOUND = 10.0


def follow(layout: Layout) -> None:
    """Take the supervisor's events, and the ends of processes as the kernel tells them."""
    handles: dict[int, int] = {}
    listener.ready(sys.stdout)
    while True:
        _watch(handles, _write_pids(layout))
        readable, _, _ = select.select([sys.stdin, *handles.values()], [], [])
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


def _write_pids(layout: Layout) -> set[int]:
    states = _states(layout)
    running = {name: info["pid"] for name, info in states.items() if info["pid"]}
    lines = [f"{name} {pid}\n" for name, pid in sorted(running.items()) if name != MIGRATE]
    replace_file(layout.pids, "".join(lines))
    return set(running.values())


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
