"""Backups of the local stack: all databases as they were at one moment, and a stack from them."""

from datetime import UTC, datetime
from pathlib import Path

from pymongo.errors import PyMongoError

from crm_chassis.backup.__main__ import connected
from crm_chassis.backup.dump import dump
from crm_chassis.backup.files import BackupError, Manifest
from crm_chassis.backup.restore import restore
from stack.layout import Layout, StackError
from stack.lifecycle import down, say, up
from stack.ports import kept_ports
from stack.programs import Stack, stack_of
from stack.services import SERVICES
from stack.supervision import is_supervised


def backup_stack(layout: Layout, folder: Path | None) -> Path:
    """Write a backup of a running stack to a folder of its own; gives that.

    Raises:
        StackError: the stack does not run, or the backup could not be made.
    """
    if not is_supervised(layout):
        message = f"Nothing runs in {layout.folder}: start it with `make up`."
        raise StackError(message)
    target = folder or layout.backups / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    stack = stack_of(layout, kept_ports(layout))
    try:
        with connected(stack.mongodb_uri()) as client:
            dump(client, [service.package for service in SERVICES], target, say)
    except (BackupError, PyMongoError) as error:
        raise StackError(str(error)) from error
    return target


def restore_stack(layout: Layout, folder: Path) -> Stack:
    """Start a stack whose databases are a backup's before any process of the suite looks at them.

    Raises:
        StackError: one runs here already or has data, or it could not be restored or started.
    """
    if is_supervised(layout):
        message = f"A stack runs in {layout.folder}: end it with `make down`."
        raise StackError(message)

    def load(stack: Stack) -> None:
        with connected(stack.mongodb_uri()) as client:
            restore(client, folder, say)
        layout.demo_is_loaded.touch()

    try:
        Manifest.read(folder)
        return up(layout, load)
    except (BackupError, PyMongoError) as error:
        down(layout)
        raise StackError(str(error)) from error
