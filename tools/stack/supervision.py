"""The supervisor of a stack: it starts every program, and starts again what was killed."""

import contextlib
import hashlib
import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from crm_chassis.testing.processes import end_of
from crm_chassis.testing.waiting import wait_until
from stack.layout import PYTHON, ROOT, Layout, StackError, replace_file
from stack.leftovers import MARK, end_leftovers, marked_processes
from stack.programs import GROUPS, IMPORTS, SUITE, Program

Info = dict[str, Any]


def start_supervisor(layout: Layout, wanted: list[Program]) -> None:
    """Start the supervisor; the programs of the suite wait until they are asked for.

    It holds none of our own output open.
    """
    configuration = layout.supervisor / "supervisord.conf"
    replace_file(configuration, _configuration(layout, wanted), mode=0o600)
    command = [PYTHON, "-m", "supervisor.supervisord", "-c", str(configuration)]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS", "PYTEST_"))
    }
    with (layout.logs / "supervisord.out").open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env={**environment, MARK: str(layout.folder), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    wait_until(
        lambda: is_supervised(layout) or process.poll() is not None, 60, what="the supervisor"
    )
    if process.poll() is not None:
        message = f"the supervisor ended:\n{end_of(layout.logs / 'supervisord.out')}"
        raise StackError(message)


def supervisor(layout: Layout) -> Any:
    """The supervisor's own interface: its functions are those of its XML-RPC namespace."""
    transport = SupervisorTransport(None, None, f"unix://{_socket(layout)}")
    return ServerProxy("http://127.0.0.1", transport=transport).supervisor


def is_supervised(layout: Layout) -> bool:
    """Whether the stack's supervisor answers."""
    try:
        return bool(supervisor(layout).getState()["statename"] == "RUNNING")
    except (OSError, Fault):
        return False


def program_states(layout: Layout) -> dict[str, Info]:
    """What the supervisor knows of each program, by the program's name in `pids`."""
    infos = supervisor(layout).getAllProcessInfo()
    return {_outer_name(info["name"]): info for info in infos if info["group"] in GROUPS}


def stop_supervisor(layout: Layout) -> None:
    """End all programs, the suite before its servers, then whatever is left of the stack."""
    known = marked_processes(layout)
    if is_supervised(layout):
        with contextlib.suppress(OSError, Fault):
            supervisor(layout).shutdown()
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: not _socket(layout).exists(), 24, what="the supervisor's end")
    end_leftovers(layout, known)


def _socket(layout: Layout) -> Path:
    # The path of a socket has room for 107 bytes, a run directory may be longer.
    digest = hashlib.sha256(str(layout.folder).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"crm-{os.getuid()}-{digest}.sock")


def _inner_name(name: str) -> str:
    return name.replace("/", ".")  # the supervisor's names may not have a slash


def _outer_name(name: str) -> str:
    return name.replace(".", "/")


def _configuration(layout: Layout, wanted: list[Program]) -> str:
    sections = {
        "supervisord": {
            "nodaemon": "true",
            "silent": "true",
            "user": str(os.getuid()),
            "minfds": "1024",
            "directory": str(ROOT),
            "logfile": str(layout.log("supervisord")),
            "pidfile": str(layout.supervisor / "pid"),
            "childlogdir": str(layout.logs),
        },
        "unix_http_server": {"file": str(_socket(layout)), "chmod": "0700"},
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": ("supervisor.rpcinterface:make_main_rpcinterface")
        },
        "eventlistener:pids": _listener(layout),
    }
    for priority, group in enumerate(GROUPS, start=1):
        members = [program for program in wanted if program.group == group]
        names = ",".join(_inner_name(program.name) for program in members)
        sections[f"group:{group}"] = {"programs": names, "priority": str(priority)}
        for program in members:
            sections[f"program:{_inner_name(program.name)}"] = _program(layout, program)
    return "\n".join(_section(name, values) for name, values in sections.items())


def _program(layout: Layout, program: Program) -> dict[str, str]:
    return {
        "command": shlex.join(program.command),
        "environment": _environment(program.environment),
        "autostart": str(program.group != SUITE).lower(),
        # Started again at once and however often; a program that ran once is run again only
        # when it failed.
        "autorestart": "unexpected" if program.once else "true",
        "exitcodes": "0",
        "startsecs": "0",
        "stopwaitsecs": str(program.stop_seconds),
        "killasgroup": "true",
        "stopasgroup": "false",
        "redirect_stderr": "true",
        "stdout_logfile": str(layout.log(program.name)),
        "stdout_logfile_maxbytes": "20MB",
        "stdout_logfile_backups": "1",
    }


def _listener(layout: Layout) -> dict[str, str]:
    return {
        "command": shlex.join([PYTHON, "-m", "stack.pids", str(layout.folder)]),
        "environment": _environment(IMPORTS),
        "events": "PROCESS_STATE",
        "buffer_size": "1000",
        "startsecs": "0",
        "autorestart": "true",
        "stdout_logfile": "NONE",
        "stderr_logfile": str(layout.log("pids")),
    }


def _environment(variables: dict[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in variables.items())


def _section(name: str, values: dict[str, str]) -> str:
    lines = [f"{key} = {value.replace('%', '%%')}\n" for key, value in values.items()]
    return f"[{name}]\n{''.join(lines)}"
