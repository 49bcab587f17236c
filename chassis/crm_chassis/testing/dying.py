"""Runs a program that is killed where a test wants it, as by `kill -9`.

`python -m crm_chassis.testing.dying WHERE PROGRAM ARGUMENT...`; the program is a file or a module,
WHERE like `3 after crm_chassis.mongo.outbox:mark_published`: when that has returned the third time.
What a consumer process runs is patched for it first.
"""

import importlib
import os
import runpy
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

GREEN = "consumer"


def main() -> None:
    """Set the trap, and run into it."""
    where, program, *arguments = sys.argv[1:]
    if GREEN in (*arguments, Path(program).name.partition("_")[0]):
        from crm_chassis.consuming.patching import patch

        patch()
    times, when, name = where.split()
    _trap(int(times), when, name)
    sys.argv = [program, *arguments]
    if program.endswith(".py"):
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


def _trap(times: int, when: str, name: str) -> None:
    module, _, path = name.partition(":")
    *owners, last = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    setattr(owner, last, _deadly(getattr(owner, last), times, when))


def _deadly(function: Callable[..., Any], times: int, when: str) -> Callable[..., Any]:
    numbers = count(1)

    def call(*arguments: Any, **named: Any) -> Any:
        is_last = next(numbers) == times
        if is_last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = function(*arguments, **named)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return call


if __name__ == "__main__":
    main()
