"""Migrates all services at once, and succeeds when each has.

Each has a process of its own, forked from this one: what all of them import is imported once.
"""

import multiprocessing
import runpy
import sys
from collections.abc import Sequence

import crm_chassis.mongo.migrations
import crm_chassis.resources.transaction  # noqa: F401


def migrate(packages: Sequence[str]) -> int:
    """Run each package's migrations; the first exit code that is not 0."""
    forking = multiprocessing.get_context("fork")
    runs = [forking.Process(target=_run, args=(package,)) for package in packages]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    return next((run.exitcode for run in runs if run.exitcode), 0)


def _run(package: str) -> None:
    sys.argv = [package, "migrate"]
    runpy.run_module(package, run_name="__main__")


if __name__ == "__main__":
    sys.exit(migrate(sys.argv[1:]))
