"""Waiting on a condition, so that nothing ever waits for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def wait_until(
    condition: Callable[[], Answer], timeout: float = 10.0, every: float = 0.02, what: str = ""
) -> Answer:
    """The first answer of `condition` that counts as true, asked for `timeout` seconds.

    Raises:
        TimeoutError: it never was; names `what` was waited for.
    """
    end = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > end:
            message = f"waited {timeout:g} s for {what or condition}"
            raise TimeoutError(message)
        time.sleep(every)
    return answer
