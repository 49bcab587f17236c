"""Ports of this machine that nobody listens on."""

import random
import socket
from collections.abc import Collection

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

    They are chosen by chance, so that two programs that choose at once rarely meet.

    Raises:
        OSError: there are not so many.
    """
    chosen: list[int] = []
    candidates = range(LOWEST, HIGHEST)
    for port in random.sample(candidates, len(candidates)):
        if len(chosen) == count:
            return chosen
        if port not in avoid and is_free(port):
            chosen.append(port)
    message = f"There are no {count} free ports between {LOWEST} and {HIGHEST}."
    raise OSError(message)
