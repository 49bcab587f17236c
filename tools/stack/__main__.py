"""The command line of the local stack: `python -m stack COMMAND`."""

import argparse
import os
import sys
from pathlib import Path
from xmlrpc.client import Fault

from stack.backups import backup_stack, restore_stack
from stack.layout import ROOT, Layout, StackError, layout_from_environment
from stack.lifecycle import down, reset, run, say, up
from stack.readiness import standings
from stack.services import SERVICES
from stack.supervision import is_supervised

COMMANDS = ["up", "down", "run", "status", "logs", "reset", "backup", "restore"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="stack", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--service", default="", help="logs: of this service only")
    parser.add_argument("--process", default="", help="logs: of this process only")
    parser.add_argument("--folder", default="", help="backup, restore: where the backup is")
    arguments = parser.parse_args()
    layout = layout_from_environment()
    try:
        _obey(layout, arguments)
    except (Fault, ConnectionError):
        sys.stderr.write(f"Somebody has stopped the stack in {layout.folder}.\n")
        return 1
    except (StackError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _obey(layout: Layout, arguments: argparse.Namespace) -> None:
    match arguments.command:
        case "up":
            say(f"{up(layout).url} is ready; {layout.env} tells the rest.")
        case "down":
            down(layout)
        case "run":
            run(layout)
        case "status":
            _show_status(layout)
        case "logs":
            _follow_logs(layout, arguments.service, arguments.process)
        case "reset":
            _reset_if_sure(layout)
        case "backup":
            say(f"{backup_stack(layout, _folder(arguments.folder))} is the backup.")
        case "restore":
            _restore(layout, _folder(arguments.folder))


def _folder(told: str) -> Path | None:
    """A folder as it was told: a relative one is below the project's."""
    return (ROOT / told).resolve() if told else None


def _restore(layout: Layout, folder: Path | None) -> None:
    if folder is None:
        message = "Say which backup: make restore FROM=.run/backups/..."
        raise StackError(message)
    say(f"{restore_stack(layout, folder).url} is ready; {layout.env} tells the rest.")


def _show_status(layout: Layout) -> None:
    if not is_supervised(layout):
        say(f"Nothing runs in {layout.folder}.")
        return
    for standing in standings(layout):
        ready = "ready" if standing.ready else f"not ready  {standing.complaint}"
        say(f"{standing.name:24}{standing.pid or '-':>8}  {standing.state:10}{ready}".rstrip())


def _follow_logs(layout: Layout, service: str, process: str) -> None:
    if service and service not in {known.name for known in SERVICES}:
        pattern = f"{service}.log"
    else:
        pattern = f"{service or '*'}-{process or '*'}.log"
    logs = sorted(str(log) for log in layout.logs.glob("*.log") if log.match(pattern))
    if not logs:
        message = f"There is no log {pattern} in {layout.logs}."
        raise StackError(message)
    os.execvp("tail", ["tail", "-n", "100", "-F", *logs])


def _reset_if_sure(layout: Layout) -> None:
    if not layout.folder.exists():
        say(f"There is no data in {layout.folder}.")
        return
    try:
        answer = input(f"Delete all data of the local stack in {layout.folder}? [y/N] ")
    except EOFError:  # nobody is there to ask
        answer = "\n"
        say("")
    if answer.strip().lower() in ("y", "yes"):
        reset(layout)
        say("Deleted.")
    else:
        say("Nothing is deleted.")


if __name__ == "__main__":
    sys.exit(main())
