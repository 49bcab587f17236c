"""The programs of a stack: what is run, with which variables, and in which order it ends."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crm_chassis.testing import mongo, rabbit
from stack import prometheus
from stack.credentials import ADMINISTRATOR, passwords, replica_set_key, token_key, token_keys
from stack.layout import PYTHON, Layout, StackError
from stack.ports import Ports
from stack.services import GATEWAY, SERVICES, Service

VHOST = "crm"
TOOLS = str(Path(__file__).resolve().parents[1])
# For the programs that are modules of this package.
IMPORTS = {"PYTHONPATH": os.pathsep.join(filter(None, [TOOLS, os.environ.get("PYTHONPATH")]))}
MIGRATE = "migrate"

# Groups end one after the other, the highest first.
MAPPER, SERVERS, SUITE = "mapper", "servers", "suite"
GROUPS = (MAPPER, SERVERS, SUITE)


@dataclass(frozen=True)
class Program:
    """A program as the supervisor runs it, by its name in `pids`."""

    name: str
    group: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    stop_seconds: int = 10
    once: bool = False


@dataclass(frozen=True)
class Stack:
    """Everything that the programs of one stack have to know of it."""

    layout: Layout
    ports: Ports
    passwords: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['http']}"

    def mongodb_uri(self, account: str = ADMINISTRATOR) -> str:
        return mongo.mongodb_uri(self.ports["mongod"], account, self.passwords[account])

    def rabbitmq_uri(self, account: str = ADMINISTRATOR) -> str:
        return rabbit.amqp_uri(self.ports["rabbitmq"], account, self.passwords[account], VHOST)

    @property
    def rabbit_ports(self) -> rabbit.RabbitPorts:
        names = ("rabbitmq", "rabbitmq-distribution", "epmd", "rabbitmq-metrics")
        return rabbit.RabbitPorts(*(self.ports[name] for name in names))

    @property
    def metrics_pages(self) -> dict[str, str]:
        """Where each process of ours tells of itself, by its name."""
        return {name: f"http://{_address(self.ports[name])}/metrics" for name in processes()}

    @property
    def prometheus_url(self) -> str:
        """Where Prometheus is asked; nothing where none runs."""
        return prometheus.url_of(self.ports) if prometheus.is_wanted() else ""


def stack_of(layout: Layout, ports: Ports) -> Stack:
    return Stack(layout, ports, passwords(layout))


def programs(stack: Stack) -> list[Program]:
    """All programs of a stack."""
    return [*_servers(stack), _migration(stack), *_processes(stack)]


def processes() -> list[str]:
    """The names of all processes of ours."""
    return [f"{service.name}/{process}" for service in SERVICES for process in service.processes]


def variables(stack: Stack, service: Service, process: str) -> dict[str, str]:
    """What one process of a service is told by its environment."""
    layout, ports = stack.layout, stack.ports
    values = {
        "MONGODB_URI": stack.mongodb_uri(service.name),
        "RABBITMQ_URI": stack.rabbitmq_uri(service.name),
        "GRPC_ADDRESS": _address(ports[service.name]),
        "METRICS_ADDRESS": _address(ports[f"{service.name}/{process}"]),
        "PEERS": ",".join(f"{peer.name}={_address(ports[peer.name])}" for peer in SERVICES),
        "TOKEN_KEY_FILE": str(token_key(layout, service.name)),
        "TOKEN_KEYS_FILE": str(token_keys(layout)),
        "TIME_ZONE": _time_zone(),
    }
    if service is GATEWAY:
        values["HTTP_ADDRESS"] = _address(ports["http"])
        values["METRICS_URLS"] = ",".join(
            f"{name}={page}" for name, page in stack.metrics_pages.items()
        )
        values["PROMETHEUS_URL"] = stack.prometheus_url
    if service.name == "campaigns":
        values["SMTP_URL"] = f"smtp://{_address(ports['smtp'])}"
        values["PUBLIC_URL"] = stack.url
    return {service.prefix + name: value for name, value in values.items()}


def _time_zone() -> str:
    told = os.environ.get("CRM_TIME_ZONE") or "UTC"
    try:
        return ZoneInfo(told).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"CRM_TIME_ZONE={told} is no zone of the IANA database, such as Europe/Zurich."
        raise StackError(message) from None


def _address(port: int) -> str:
    return f"127.0.0.1:{port}"


def _servers(stack: Stack) -> list[Program]:
    layout, ports = stack.layout, stack.ports
    mongod = mongo.mongod_command(layout.mongod, ports["mongod"], key_file=replica_set_key(layout))
    sink = [PYTHON, "-m", "stack.smtp_sink", str(ports["smtp"]), str(layout.mailbox)]
    environment = rabbit.rabbit_environment(layout.rabbitmq, stack.rabbit_ports)
    servers = [
        Program("epmd", MAPPER, rabbit.epmd_command(stack.rabbit_ports)),
        Program("mongod", SERVERS, mongod),
        Program("rabbitmq", SERVERS, rabbit.rabbit_command(), environment),
        Program("smtp", SERVERS, sink, IMPORTS),
    ]
    if prometheus.is_wanted():
        command = prometheus.command(layout.prometheus, ports)
        servers.append(Program("prometheus", SERVERS, command, prometheus.ENVIRONMENT))
    return servers


def _processes(stack: Stack) -> list[Program]:
    return [
        Program(
            f"{service.name}/{process}",
            SUITE,
            [PYTHON, "-m", service.package, process],
            variables(stack, service, process),
        )
        for service in SERVICES
        for process in service.processes
    ]


def _migration(stack: Stack) -> Program:
    environment = dict(IMPORTS)
    for service in SERVICES:
        environment |= variables(stack, service, "migrate")
    packages = [service.package for service in SERVICES]
    command = [PYTHON, "-m", "stack.migrate", *packages]
    return Program(MIGRATE, SUITE, command, environment, once=True)
