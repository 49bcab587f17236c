"""Ports of this machine that nobody listens on."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

# Below the ports that the kernel hands to outgoing connections, or one of those could be in the way
# at the next start; above those that known services listen on.
LOWEST, HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_open(port: int) -> bool:
    """Whether a server listens on `port` of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int, avoid: Collection[int] = ()) -> list[int]:
    """`count` different free ports, none of them in `avoid`.

    Until the end of this process nobody else is given them: a server may take its time to listen,
    and one that is started again listens nowhere for a while.

    Raises:
        OSError: there are not so many.
    """
    chosen: list[int] = []
    candidates = range(LOWEST, HIGHEST)
    for port in random.sample(candidates, len(candidates)):
        if len(chosen) == count:
            return chosen
        if port not in avoid and is_free(port) and _claims().claim(port):
            chosen.append(port)
    message = f"There are no {count} free ports between {LOWEST} and {HIGHEST}."
    raise OSError(message)


def hold_ports(ports: Iterable[int]) -> None:
    """Let nobody else be given these ports until the end of this process.

    What others hold already is left to them.
    """
    for port in ports:
        _claims().claim(port)


class _Claims:
    """The ports that this process was given.

    A claim is a lock on one byte of a file that all programs of this user share: the kernel takes
    it away with the process.
    """

    def __init__(self) -> None:
        place = Path(tempfile.gettempdir(), f"crm-ports-{os.getuid()}")
        self._file = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._own: set[int] = set()

    def claim(self, port: int) -> bool:
        """Whether nobody had it, this process neither; it has it now."""
        if port in self._own:
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except OSError:
            return False
        self._own.add(port)
        return True


@cache
def _claims() -> _Claims:
    return _Claims()
