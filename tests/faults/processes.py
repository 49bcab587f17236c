"""The processes of the running suite: whether they are up, what they tell, how to stop them."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from crm_chassis.testing.rabbit import DISTRIBUTION_SCRIPT, NODE, rabbit_environment
from crm_chassis.testing.suite import Suite
from crm_chassis.testing.waiting import wait_until
from stack.layout import Layout
from stack.ports import kept_ports
from stack.programs import processes, stack_of

OURS = tuple(processes())
SERVERS = ("epmd", "mongod", "rabbitmq", "smtp")
# A killed process is started again within 1 s (tools/tests), with a crowd on the machine later.
RESTARTED_WITHIN = 10.0
PROGRAMS: Mapping[str, bytes] = {"rabbitmq": b"beam.smp", "smtp": b"stack.smtp_sink"}


def replace(suite: Suite, victim: str) -> float:
    """Kill a process; gives how long it took until another one had its place."""
    killed, begin = suite.kill(victim), time.monotonic()
    wait_until(
        lambda: suite.pids.get(victim, killed) != killed, RESTARTED_WITHIN, 0.005, f"a new {victim}"
    )
    return time.monotonic() - begin


def assert_all_is_up(suite: Suite, timeout: float = 30.0) -> None:
    """Every process is there under the pid that the suite tells, and ready."""
    for name in OURS:
        wait_until(lambda name=name: page(suite, name, "/readyz")[0] == 200, timeout, 0.05, name)
    public = f"{suite.env['CRM_URL']}/readyz"
    wait_until(lambda: _page(public)[0] == 200, timeout, 0.05, public)
    wait_until(lambda: suite.pids.keys() == {*OURS, *SERVERS}, 5, 0.05, "the pids of all")
    for name, pid in suite.pids.items():
        assert _program(name) in Path(f"/proc/{pid}/cmdline").read_bytes(), name


def page(suite: Suite, process: str, path: str) -> tuple[int, str]:
    """What a process answers on its own port; 0 when it does not."""
    return _page(f"http://127.0.0.1:{kept_ports(Layout(suite.folder))[process]}{path}")


def metric(suite: Suite, process: str, name: str) -> float:
    """The sum of a metric over all its labels."""
    families = text_string_to_metric_families(page(suite, process, "/metrics")[1])
    samples = (sample for family in families for sample in family.samples)
    return sum(sample.value for sample in samples if sample.name == name)


@contextmanager
def frozen(suite: Suite, process: str) -> Iterator[None]:
    """The process keeps its connections, but does nothing."""
    pid = suite.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def broker_closed(suite: Suite) -> Iterator[None]:
    """The broker has ended all connections and accepts no more."""
    _control(suite, "stop_app")
    try:
        yield
    finally:
        _control(suite, "start_app")


def _control(suite: Suite, command: str) -> None:
    stack = stack_of(Layout(suite.folder), kept_ports(Layout(suite.folder)))
    environment = rabbit_environment(stack.layout.rabbitmq, stack.rabbit_ports)
    tool = DISTRIBUTION_SCRIPT.with_name("rabbitmqctl")
    subprocess.run(
        [str(tool), "-q", "-n", NODE, command], env={**os.environ, **environment}, check=True
    )


def _page(url: str) -> tuple[int, str]:
    try:
        with urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def _program(name: str) -> bytes:
    service, _, process = name.partition("/")
    ours = f"crm_{service.replace('-', '_')}\0{process}".encode()
    return ours if process else PROGRAMS.get(name, name.encode())
