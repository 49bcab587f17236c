"""Running other programs: what they print goes on, or comes back; what they complain of is told."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Where `make helm` puts what is nowhere else.
OWN = Path(sys.executable).parent


class DeploymentError(Exception):
    """What a person is told when a command cannot do what it promises."""


def say(text: str) -> None:
    print(text, flush=True)


def found(name: str) -> str:
    """The program of that name.

    Raises:
        DeploymentError: there is none.
    """
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{OWN}")
    if path is None:
        message = f"There is no {name} on PATH."
        raise DeploymentError(message)
    return path


def call(
    command: Sequence[str],
    given: str | None = None,
    timeout: float | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> str:
    """What a program prints that runs in a folder. It is `given` its input.

    Raises:
        DeploymentError: it fails, or takes longer than the timeout.
    """
    try:
        done = subprocess.run(
            command,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            cwd=folder,
            env={**os.environ, **(environment or {})},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{_shown(command)}: {error}"
        raise DeploymentError(message) from error
    if done.returncode:
        message = f"{_shown(command)} failed:\n{(done.stderr or done.stdout).strip()[-4000:]}"
        raise DeploymentError(message)
    return done.stdout


def _shown(command: Sequence[str]) -> str:
    return f"{Path(command[0]).name} {' '.join(command[1:4])}"
