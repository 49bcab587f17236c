"""Starting and ending a stack as a whole."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import NoReturn

from pymongo.errors import PyMongoError

from crm_chassis.testing.ports import is_open
from crm_chassis.testing.processes import end_of
from crm_chassis.testing.waiting import wait_until
from stack import prometheus
from stack.databases import prepare_mongodb, prepare_rabbitmq
from stack.layout import PYTHON, ROOT, Layout, StackError, replace_file
from stack.leftovers import MARK
from stack.ports import chosen_ports, kept_ports
from stack.programs import (
    MIGRATE,
    SUITE,
    Stack,
    processes,
    programs,
    stack_of,
    variables,
)
from stack.readiness import Standing, standings
from stack.services import GATEWAY
from stack.supervision import (
    is_supervised,
    program_states,
    start_supervisor,
    stop_supervisor,
    supervisor,
)

Prepare = Callable[[Stack], None]
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 300.0
# A process that ends so often although its servers are there will not get up by itself.
STARTS = 4


class Busy(StackError):
    """Another command is starting the stack: it is not ours to end."""


def up(layout: Layout, prepare: Prepare | None = None) -> Stack:
    """Start what does not run, and return when every process is ready and the demo company is in.

    `prepare` is called when the servers are there, before the first process of the suite is.

    Raises:
        StackError: a process is not; names it and tells the end of its log.
    """
    layout.create()
    with _alone(layout):
        stack = (
            stack_of(layout, kept_ports(layout))
            if is_supervised(layout)
            else _start(layout, prepare)
        )
        _wait_until_ready(layout)
        _write_env(stack, _api_key(stack))
        _load_demo(stack)
    return stack


def down(layout: Layout) -> None:
    """End every process of the stack."""
    stop_supervisor(layout)
    layout.pids.unlink(missing_ok=True)
    layout.env.unlink(missing_ok=True)


def run(layout: Layout) -> None:
    """The stack in the foreground: until Ctrl-C, or the end of the terminal or the supervisor."""
    is_ours = True
    for number in ENDS:
        signal.signal(number, signal.default_int_handler)
    try:
        stack = up(layout)
        say(f"\n  {stack.url}          the suite (its API: {stack.url}/docs)")
        say(f"  {read_api_key(layout)}  an administrator's API key")
        if stack.prometheus_url:
            say(f"  {stack.prometheus_url}          Prometheus")
        say("\n  make status, make logs S=contacts P=api tell more. Ctrl-C stops all of it.")
        # make keeps it to itself when its terminal has gone.
        is_watched = sys.stdout.isatty()
        while is_supervised(layout) and sys.stdout.isatty() == is_watched:
            time.sleep(1)
    except KeyboardInterrupt:
        say("\nStopping ...")
    except Busy:
        is_ours = False
        raise
    finally:
        for number in ENDS:
            signal.signal(number, signal.SIG_IGN)
        if is_ours:
            down(layout)


def reset(layout: Layout) -> None:
    """End the stack and delete its data; whatever else is in its folder stays."""
    down(layout)
    if not layout.ports.exists():  # no stack lived here
        return
    for path in layout.kept():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    with contextlib.suppress(OSError):  # there is something else
        layout.folder.rmdir()


def read_api_key(layout: Layout) -> str:
    return layout.api_key.read_text(encoding="ascii").strip()


def say(text: str) -> None:
    print(text, flush=True)


@contextlib.contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    with (layout.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"Somebody else is starting the stack in {layout.folder}."
            raise Busy(message) from None
        yield


def _start(layout: Layout, prepare: Prepare | None) -> Stack:
    stop_supervisor(layout)  # what a killed one may have left
    stack = stack_of(layout, chosen_ports(layout))
    prepare_rabbitmq(stack)
    if stack.prometheus_url:
        prometheus.write_configuration(layout.prometheus, stack.ports)
    say(f"Starting MongoDB, RabbitMQ and the suite in {layout.folder} ...")
    start_supervisor(layout, programs(stack))
    _write_env(stack, "")
    try:
        wait_until(partial(_has_mongod, stack, set()), 60, what="it")
        prepare_mongodb(stack)
    except (TimeoutError, PyMongoError) as error:
        _give_up(layout, Standing("mongod", 0, "", ready=False, complaint=str(error)))
    if prepare is not None:
        prepare(stack)
    supervisor(layout).startProcessGroup(SUITE, False)
    return stack


def _has_mongod(stack: Stack, starts: set[int]) -> bool:
    starts.add(program_states(stack.layout)["mongod"]["pid"])
    if len(starts - {0}) >= STARTS:
        message = "it ends again and again"
        raise TimeoutError(message)
    return is_open(stack.ports["mongod"])


def _wait_until_ready(layout: Layout) -> None:
    end = time.monotonic() + PATIENCE
    told = time.monotonic() + 5
    starts: defaultdict[str, set[int]] = defaultdict(set)
    while late := [standing for standing in standings(layout) if not standing.ready]:
        if hopeless := _hopeless(late, starts):
            _give_up(layout, hopeless)
        if time.monotonic() > end:
            _give_up(layout, late[0])
        if time.monotonic() > told:
            say(f"Waiting for {', '.join(standing.name for standing in late)} ...")
            told = time.monotonic() + 10
        time.sleep(0.2)


def _hopeless(late: list[Standing], starts: dict[str, set[int]]) -> Standing | None:
    ours = {MIGRATE, *processes()}
    if any(standing.name not in ours for standing in late):
        return None
    for standing in late:
        starts[standing.name].add(standing.pid)
        if len(starts[standing.name] - {0}) >= STARTS:
            return standing
    return None


def _give_up(layout: Layout, standing: Standing) -> NoReturn:
    log = layout.log(standing.name)
    message = (
        f"{standing.name} is not ready ({standing.complaint or standing.state}). "
        f"The end of {log}:\n{end_of(log)}\n\n"
        f"What started is left running: look with `make status`, end it with `make down`."
    )
    raise StackError(message)


def _api_key(stack: Stack) -> str:
    layout = stack.layout
    if not layout.api_key.exists():
        answer = _ask_gateway(stack, "bootstrap")
        replace_file(layout.api_key, answer.split()[-1] + "\n", mode=0o600)
    return read_api_key(layout)


def _ask_gateway(stack: Stack, command: str) -> str:
    answer = subprocess.run(
        [PYTHON, "-m", GATEWAY.package, command],
        env={**os.environ, **variables(stack, GATEWAY, MIGRATE), MARK: str(stack.layout.folder)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode or not answer.stdout.strip():
        message = f"`{GATEWAY.package} {command}` failed:\n{answer.stdout}{answer.stderr}"
        raise StackError(message)
    return answer.stdout


def _write_env(stack: Stack, api_key: str) -> None:
    values = {
        "CRM_URL": stack.url,
        "CRM_API_KEY": api_key,
        "CRM_MONGODB_URI": stack.mongodb_uri(),
        "CRM_RABBITMQ_URI": stack.rabbitmq_uri(),
        "CRM_MAILBOX": stack.layout.mailbox,
        "CRM_METRICS_URLS": ",".join(stack.metrics_pages.values()),
    }
    if stack.prometheus_url:
        values["CRM_PROMETHEUS_URL"] = stack.prometheus_url
    lines = [f"{name}={value}\n" for name, value in values.items()]
    replace_file(stack.layout.env, "".join(lines), mode=0o600)


def _load_demo(stack: Stack) -> None:
    layout = stack.layout
    if os.environ.get("CRM_DEMO", "1") == "0" or layout.demo_is_loaded.exists():
        return
    say("Loading the demo company ...")
    access = {"CRM_URL": stack.url, "CRM_API_KEY": read_api_key(layout)}
    log = layout.log("demo")
    loader = subprocess.Popen(
        [PYTHON, "-m", "crm_demo"],
        cwd=ROOT / "demo",
        env={**os.environ, **access, MARK: str(layout.folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with log.open("w", encoding="utf-8") as output, loader:
        for line in loader.stdout or ():
            output.write(line)
            say(line.rstrip())
    if loader.returncode:
        message = f"The demo company could not be loaded. The end of {log}:\n{end_of(log)}"
        raise StackError(message)
    layout.demo_is_loaded.touch()
