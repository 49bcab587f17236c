"""Serves the application over HTTP: Granian watches over one process, whose threads run Flask.

Nothing of ours is opened before that process exists: gRPC and MongoDB do not survive a fork.
"""

import ctypes
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from multiprocessing.util import Finalize

from flask import Flask
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

# An answer waits for other services most of its time: more threads than cores, and each is idle
# while it does. Live streams hold one each.
THREADS = 64
# How much of a request's first line and headers is read, in bytes, and for how long, in ms.
LARGEST_HEAD = 64 * 1024
SLOWEST_HEAD = 10_000
# How long answers under way may take at the end, in seconds.
GRACE = 25
_PR_SET_PDEATHSIG = 1

# Opens what the application needs, gives it, and closes all at the end.
Running = Callable[[], AbstractContextManager[Flask]]


@dataclass(frozen=True)
class Place:
    """Where the application is found."""

    host: str
    port: int


def place_of(address: str) -> Place:
    """`0.0.0.0:8080`, taken apart."""
    host, _, port = address.rpartition(":")
    return Place(host, int(port))


def serve(address: str, running: Running) -> None:
    """Answer until SIGTERM or SIGINT; then finish what is under way.

    `running` is entered in the process that answers, and left before that ends.
    """
    place = place_of(address)
    server = Granian(
        "crm_gateway",
        address=place.host,
        port=place.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=SLOWEST_HEAD, max_buffer_size=LARGEST_HEAD
        ),
        websockets=False,
        log_enabled=False,
        workers_kill_timeout=GRACE,
    )
    server.serve(target_loader=partial(_open, running), wrap_loader=False)


def _open(running: Running) -> Flask:
    """Begin in the process that answers; it ends the normal way once Granian has stopped it."""
    _end_with_parent()
    scope = running()
    app = scope.__enter__()
    Finalize(None, scope.__exit__, args=(None, None, None), exitpriority=1)
    return app


def _end_with_parent() -> None:
    """Let the kernel end this process when the one that watches over it is killed."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
