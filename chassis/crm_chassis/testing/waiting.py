"""Waiting on a condition, so that nothing ever waits for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

# For what is only waited for: so long that no machine is too busy for it. What is promised within
# a time is waited for that long.
PATIENCE = 120.0


def wait_until(
    condition: Callable[[], Answer],
    timeout: float = PATIENCE,
    every: float = 0.02,
    what: str = "",
) -> Answer:
    """The first answer of `condition` that counts as true, asked for `timeout` seconds.

    It is given up when it was not true although it was asked after that time: how long the
    answers themselves take is not counted.

    Raises:
        TimeoutError: it never was; names `what` was waited for.
    """
    end = time.monotonic() + timeout
    while True:
        is_last = time.monotonic() > end
        if answer := condition():
            return answer
        if is_last:
            message = f"waited {timeout:g} s for {what or condition}"
            raise TimeoutError(message)
        time.sleep(every)
