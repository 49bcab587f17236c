"""Ports of Services on this machine, for as long as the suite is deployed.

kubectl forwards to one pod and ends with it; here it begins again, with a pod that serves then.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from crm_chassis.testing.ports import free_ports, is_open
from crm_chassis.testing.waiting import wait_until
from deployment.programs import DeploymentError, found
from stack.layout import replace_file
from stack.programs import TOOLS

# How what is kept of each is called.
PREFIX = "forwarding-"
PAUSE = 0.3
OPEN_WITHIN = 60.0


def forward(folder: Path, namespace: str, service: str, port: str = "http") -> int:
    """The port of this machine that leads to the Service, also after this command's end.

    Raises:
        DeploymentError: nobody answers there.
    """
    state = folder / f"{PREFIX}{service}.json"
    log = state.with_suffix(".log")
    target = [namespace, service, port, os.environ.get("KUBECONFIG", "")]
    kept = _kept(state)
    if kept.get("target") != target or not _is_forwarder(kept["pid"]):
        _stop(state)
        kept = {"target": target, "port": free_ports(1)[0]}
        kept["pid"] = _start(log, namespace, service, f"{kept['port']}:{port}")
        replace_file(state, json.dumps(kept))
    try:
        wait_until(lambda: is_open(kept["port"]), OPEN_WITHIN, 0.1)
    except TimeoutError as error:
        message = f"Nobody forwards to {service}. See {log}."
        raise DeploymentError(message) from error
    return int(kept["port"])


def stop_forwarding(folder: Path) -> None:
    """End whatever forwards from this folder."""
    for state in folder.glob(f"{PREFIX}*.json"):
        _stop(state)


def keep_forwarding(namespace: str, service: str, ports: str) -> None:
    """Forward until the end of this process."""
    command = [found("kubectl"), "--namespace", namespace, "port-forward", "--address", "127.0.0.1"]
    while True:
        subprocess.run([*command, f"service/{service}", ports], check=False)
        time.sleep(PAUSE)


def _start(log: Path, *arguments: str) -> int:
    with log.open("w", encoding="utf-8") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "deployment.forwarding", *arguments],
            env={**os.environ, "PYTHONPATH": TOOLS},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return started.pid


def _stop(state: Path) -> None:
    kept = _kept(state)
    if kept and _is_forwarder(kept["pid"]):
        os.killpg(kept["pid"], signal.SIGTERM)
    state.unlink(missing_ok=True)


def _is_forwarder(pid: int) -> bool:
    """Whether the process that has this number now is the one that was started."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"deployment.forwarding" in command


def _kept(state: Path) -> dict[str, Any]:
    return dict(json.loads(state.read_text(encoding="utf-8"))) if state.exists() else {}


if __name__ == "__main__":
    keep_forwarding(*sys.argv[1:])
