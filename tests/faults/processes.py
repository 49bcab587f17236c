"""The processes of the running suite: whether they are up, what they tell, how to stop them."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from crm_chassis.kernel.clock import now
from crm_chassis.testing.rabbit import DISTRIBUTION_SCRIPT, NODE, rabbit_environment
from crm_chassis.testing.suite import Suite
from crm_chassis.testing.waiting import wait_until
from stack.layout import Layout
from stack.ports import kept_ports
from stack.programs import processes, stack_of

OURS = tuple(processes())
SERVERS = ("epmd", "mongod", "prometheus", "rabbitmq", "smtp")
PROGRAMS: Mapping[str, bytes] = {"rabbitmq": b"beam.smp", "smtp": b"stack.smtp_sink"}


def replace(suite: Suite, *victims: str) -> None:
    """Kill processes at once, and wait until each has a successor."""
    killed = {victim: suite.kill(victim) for victim in victims}
    for victim, pid in killed.items():
        _wait_for_another(suite, victim, pid)


def restart(suite: Suite, name: str) -> None:
    """Ask a process to stop, as whoever runs it does, and wait until another one is ready."""
    pid = suite.pids[name]
    os.kill(_watcher(pid), signal.SIGTERM)
    _wait_for_another(suite, name, pid)
    wait_until(lambda: page(suite, name, "/readyz")[0] == 200, every=0.05, what=name)


def _wait_for_another(suite: Suite, name: str, pid: int) -> None:
    wait_until(lambda: suite.pids.get(name, pid) != pid, every=0.005, what=f"another {name}")


def _watcher(pid: int) -> int:
    """The process that watches over that one; itself where none does."""
    parent = int(_stat(pid)[1])
    command, watching = (Path(f"/proc/{one}/cmdline").read_bytes() for one in (pid, parent))
    return parent if command == watching else pid


def _stat(pid: int) -> list[str]:
    """What the kernel tells of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def assert_all_is_up(suite: Suite) -> None:
    """Every process is there under the pid that the suite tells, and ready."""
    for name in OURS:
        wait_until(lambda name=name: page(suite, name, "/readyz")[0] == 200, every=0.05, what=name)
    public = f"{suite.env['CRM_URL']}/readyz"
    wait_until(lambda: _page(public)[0] == 200, every=0.05, what=public)
    wait_until(lambda: suite.pids.keys() == {*OURS, *SERVERS}, every=0.05, what="the pids of all")
    for name, pid in suite.pids.items():
        assert _program(name) in Path(f"/proc/{pid}/cmdline").read_bytes(), name


def page(suite: Suite, process: str, path: str) -> tuple[int, str]:
    """What a process answers on its own port; 0 when it does not."""
    return _page(f"http://127.0.0.1:{kept_ports(Layout(suite.folder))[process]}{path}")


def metric(suite: Suite, process: str, name: str, **labels: str) -> float:
    """The sum of a metric over all labels but those told."""
    families = text_string_to_metric_families(page(suite, process, "/metrics")[1])
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def begin_of(suite: Suite, process: str) -> datetime:
    """When a process began, to a hundredth of a second: its metric tells whole seconds."""
    ticks = int(_stat(suite.pids[process])[19])
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return now() - timedelta(seconds=age)


@contextmanager
def frozen(suite: Suite, process: str) -> Iterator[None]:
    """The process keeps its connections, but does nothing."""
    pid = suite.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def dying(suite: Suite, process: str) -> Iterator[None]:
    """The process is killed as often as it is started again."""
    over = Event()

    def kill_on() -> None:
        while not over.wait(0.05):
            with suppress(KeyError, ProcessLookupError):
                suite.kill(process)

    killer = Thread(target=kill_on)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()


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
        with urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def _program(name: str) -> bytes:
    service, _, process = name.partition("/")
    ours = f"crm_{service.replace('-', '_')}\0{process}".encode()
    return ours if process else PROGRAMS.get(name, name.encode())
