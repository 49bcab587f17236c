"""The ports of a stack: chosen once, kept in its run directory, chosen again when one is taken."""

import json
import os
from collections.abc import Sequence

from crm_chassis.testing.ports import free_ports, is_free
from stack.layout import Layout, StackError, replace_file
from stack.services import SERVICES

DEFAULT_HTTP_PORT = 8080
HIGHEST_PORT = 65_535
Ports = dict[str, int]


def port_names() -> list[str]:
    """Everything that listens, less the gateway's public port: `contacts` is its gRPC port,
    `contacts/api` the port of that process' own pages."""
    names = ["mongod", "rabbitmq", "rabbitmq-distribution", "rabbitmq-metrics", "epmd", "smtp"]
    names.append("prometheus")
    for service in SERVICES:
        names.append(service.name)
        names += [f"{service.name}/{process}" for process in (*service.processes, "migrate")]
    return names


def chosen_ports(layout: Layout) -> Ports:
    """The ports of the last start, as far as they are free, and new ones for the others.

    Raises:
        StackError: the public port is taken, or is none.
    """
    public = _public_port()
    if not is_free(public):
        message = f"Port {public} is taken: set CRM_HTTP_PORT to a free one."
        raise StackError(message)
    kept = {name: port for name, port in kept_ports(layout).items() if is_free(port)}
    ports = _complete(kept, port_names(), public) | {"http": public}
    replace_file(layout.ports, json.dumps(ports, indent=1))
    return ports


def kept_ports(layout: Layout) -> Ports:
    """The ports of the last start, none before the first."""
    if not layout.ports.exists():
        return {}
    ports: Ports = json.loads(layout.ports.read_text(encoding="utf-8"))
    return ports


def _public_port() -> int:
    told = os.environ.get("CRM_HTTP_PORT") or str(DEFAULT_HTTP_PORT)
    if not (told.isascii() and told.isdecimal() and 0 < int(told) <= HIGHEST_PORT):
        message = f"CRM_HTTP_PORT={told} is no port: set it to a number from 1 to {HIGHEST_PORT}."
        raise StackError(message)
    return int(told)


def _complete(kept: Ports, names: Sequence[str], public: int) -> Ports:
    missing = [name for name in names if name not in kept or kept[name] == public]
    new = free_ports(len(missing), avoid={public, *kept.values()})
    return {name: kept[name] for name in names if name in kept} | dict(
        zip(missing, new, strict=True)
    )
