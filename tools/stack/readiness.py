"""What of a stack runs, and what of that is ready to serve."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

from crm_chassis.testing.ports import is_open
from stack.layout import Layout
from stack.ports import Ports, kept_ports
from stack.programs import MIGRATE, processes
from stack.services import GATEWAY
from stack.supervision import program_states

PUBLIC = f"{GATEWAY.name}/{GATEWAY.processes[0]}"


@dataclass(frozen=True)
class Standing:
    """How one program stands. `complaint` says why it is not ready, as far as it tells."""

    name: str
    pid: int
    state: str
    ready: bool
    complaint: str = ""


def standings(layout: Layout) -> list[Standing]:
    """How every program of a running stack stands, servers first."""
    ports = kept_ports(layout)
    states = program_states(layout)
    ours = processes()
    order = [name for name in states if name not in ours] + ours
    return [_standing(name, states[name], ports) for name in order if name in states]


def _standing(name: str, info: dict[str, object], ports: Ports) -> Standing:
    pid, state = int(str(info["pid"])), str(info["statename"])
    if name == MIGRATE:
        done = state == "EXITED" and info["exitstatus"] == 0
        return Standing(name, pid, "DONE" if done else state, done)
    if not pid:
        return Standing(name, pid, state, ready=False)
    complaint = _complaint(name, ports)
    return Standing(name, pid, state, not complaint, complaint)


def _complaint(name: str, ports: Ports) -> str:
    if name == "epmd":
        return ""  # it logs a complaint about each client that says nothing
    if "/" not in name:
        return "" if is_open(ports[name]) else f"nobody listens on {ports[name]}"
    checked = [ports[name], ports["http"]] if name == PUBLIC else [ports[name]]
    return "; ".join(filter(None, map(_page_complaint, checked)))


def _page_complaint(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
            return ""
    except urllib.error.HTTPError as error:
        return f"{error.code} {_failing(error.read())}".strip()
    except OSError:
        return f"nobody answers on {port}"


def _failing(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), separators=(",", ":"))[:200]
    except ValueError:
        return ""
