"""Servers that a test starts as processes, and ends whatever happens."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def start_process(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own, its output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )


def stop_process(process: subprocess.Popen[bytes], grace: float = 10.0) -> None:
    """Ask `process` to end, and end its whole group when it has not after `grace` seconds."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_of(log: Path, lines: int = 20) -> str:
    """The last `lines` of a log, or a word when there is none."""
    if not log.exists():
        return f"(no {log.name})"
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
