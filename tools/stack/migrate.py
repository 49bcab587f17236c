"""Migrates all services at once, and succeeds when each has."""

import subprocess
import sys
from collections.abc import Sequence


def migrate(packages: Sequence[str]) -> int:
    """Run each package's migrations; the first exit code that is not 0."""
    runs = [subprocess.Popen([sys.executable, "-m", package, "migrate"]) for package in packages]
    codes = [run.wait() for run in runs]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(migrate(sys.argv[1:]))
