"""How a RabbitMQ node of our own is run beside whatever else this machine runs."""

import base64
import hashlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from crm_chassis.testing.ports import is_open
from crm_chassis.testing.processes import end_of, start_process, stop_process
from crm_chassis.testing.waiting import wait_until

# The one in /usr/sbin switches the user, or refuses.
DISTRIBUTION_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
NODE = "crm@localhost"


@dataclass(frozen=True)
class RabbitPorts:
    """Where a node listens: clients, other nodes, and the mapper that tells node names' ports.

    With `metrics` it also tells Prometheus there of itself and its queues.
    """

    amqp: int
    distribution: int
    epmd: int
    metrics: int | None = None


@dataclass(frozen=True)
class Rabbit:
    """A running node, with the mapper it needs."""

    broker: subprocess.Popen[bytes]
    epmd: subprocess.Popen[bytes]
    ports: RabbitPorts
    password: str

    def uri(self, vhost: str) -> str:
        return amqp_uri(self.ports.amqp, "tests", self.password, vhost)

    def stop(self) -> None:
        stop_process(self.broker, grace=15)
        stop_process(self.epmd)


def amqp_uri(port: int, user: str, password: str, vhost: str) -> str:
    """The address of one virtual host."""
    return f"amqp://{user}:{password}@127.0.0.1:{port}/{quote(vhost, safe='')}"


def rabbit_binary() -> str:
    """The script that starts the broker of the distribution.

    Raises:
        FileNotFoundError: RabbitMQ is not installed.
    """
    if DISTRIBUTION_SCRIPT.exists():
        return str(DISTRIBUTION_SCRIPT)
    if on_path := shutil.which("rabbitmq-server"):
        return on_path
    message = "RabbitMQ is missing: install the package rabbitmq-server of your distribution."
    raise FileNotFoundError(message)


def epmd_command(ports: RabbitPorts) -> list[str]:
    """The mapper in the foreground, so that it ends with us: a broker would leave one behind."""
    return [shutil.which("epmd") or "epmd", "-port", str(ports.epmd), "-address", "127.0.0.1"]


def rabbit_command() -> list[str]:
    """The broker in the foreground. With `rabbit_environment` it takes the script's process."""
    return [rabbit_binary()]


def rabbit_environment(folder: Path, ports: RabbitPorts) -> dict[str, str]:
    """What makes the node keep to `folder` and `ports`, and sleep when it has nothing to do."""
    return {
        "HOME": str(folder),  # its cookie
        "ERL_EPMD_PORT": str(ports.epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": NODE,
        "RABBITMQ_DIST_PORT": str(ports.distribution),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "config"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "ERL_CRASH_DUMP": str(folder / "erl_crash.dump"),  # else it is left where we were started
        "RABBITMQ_LOGS": "-",
        # Without input the script waits beside the broker; with it the broker takes its place, and
        # -noinput takes the shell away again.
        "RABBITMQ_ALLOW_INPUT": "1",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            "-noinput -start_epmd false -kernel inet_dist_use_interface {127,0,0,1} "
            "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
        ),
        # Bound to cores, the nodes of two stacks would share one.
        "RABBITMQ_SCHEDULER_BIND_TYPE": "u",
    }


def write_configuration(
    folder: Path, ports: RabbitPorts, vhosts: Sequence[str], passwords: Mapping[str, str]
) -> None:
    """Write what the node reads at its start: the virtual hosts, and the users (name: password)."""
    folder.mkdir(parents=True, exist_ok=True)
    definitions = folder / "definitions.json"
    settings = {
        "listeners.tcp.1": f"127.0.0.1:{ports.amqp}",
        "load_definitions": definitions,
        "log.console.level": "warning",
        "vm_memory_high_watermark.absolute": "512MiB",
        "disk_free_limit.absolute": "50MB",
        "raft.wal_max_size_bytes": 16 * 1024 * 1024,
        "collect_statistics_interval": 60_000,
    }
    plugins = ""
    if ports.metrics is not None:
        plugins = "rabbitmq_prometheus"
        settings |= {"prometheus.tcp.ip": "127.0.0.1", "prometheus.tcp.port": ports.metrics}
    lines = [f"{name} = {value}\n" for name, value in settings.items()]
    (folder / "rabbitmq.conf").write_text("".join(lines), encoding="utf-8")
    (folder / "enabled_plugins").write_text(f"[{plugins}].\n", encoding="utf-8")
    told = json.dumps(definitions_of(vhosts, passwords), indent=1)
    definitions.write_text(told, encoding="utf-8")
    cookie = folder / ".erlang.cookie"
    if not cookie.exists():
        cookie.write_text(secrets.token_hex(16), encoding="ascii")
        cookie.chmod(0o400)


def start_rabbit(folder: Path, ports: RabbitPorts, vhosts: Sequence[str] = ("tests",)) -> Rabbit:
    """Start a node with its data in `folder`, and wait until clients can connect.

    Raises:
        RuntimeError: it ended; tells the end of its log.
    """
    password = secrets.token_hex(8)
    write_configuration(folder, ports, vhosts, {"tests": password})
    environment = rabbit_environment(folder, ports)
    epmd = start_process(epmd_command(ports), folder / "epmd.log")
    log = folder / "rabbitmq.log"
    broker = start_process(rabbit_command(), log, environment)
    wait_until(lambda: is_open(ports.amqp) or broker.poll() is not None, what="RabbitMQ")
    rabbit = Rabbit(broker, epmd, ports, password)
    if broker.poll() is not None:
        rabbit.stop()
        message = f"RabbitMQ ended with {broker.returncode}:\n{end_of(log)}"
        raise RuntimeError(message)
    return rabbit


def definitions_of(vhosts: Sequence[str], passwords: Mapping[str, str]) -> dict[str, object]:
    """What a node loads: virtual hosts, and users (name: password), who may do all there."""
    allowed = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "vhosts": [{"name": vhost} for vhost in vhosts],
        "users": [
            {
                "name": user,
                "password_hash": _password_hash(password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator",
            }
            for user, password in passwords.items()
        ],
        "permissions": [
            {"user": user, "vhost": vhost, **allowed} for user in passwords for vhost in vhosts
        ],
    }


def _password_hash(password: str) -> str:
    salt = os.urandom(4)
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode("ascii")
