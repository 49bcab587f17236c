"""The command: `python -m crm_chassis.backup {dump|restore} FOLDER`.

The server's address is CRM_BACKUP_MONGODB_URI, or stands in the file that
CRM_BACKUP_MONGODB_URI_FILE names: an argument would be seen by whoever lists processes.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from crm_chassis.backup.dump import dump
from crm_chassis.backup.files import BackupError
from crm_chassis.backup.restore import restore

URI = "CRM_BACKUP_MONGODB_URI"


def main() -> int:
    """Do what the command line says; 1 when it could not be done."""
    asked = _parser().parse_args()
    try:
        with connected(_uri(os.environ)) as client:
            if asked.command == "dump":
                dump(client, asked.databases.split(","), asked.folder, _tell)
            else:
                restore(client, asked.folder, _tell)
    except (BackupError, PyMongoError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def connected(uri: str) -> MongoClient[dict[str, Any]]:
    """A client that gives back what it reads as it stands."""
    return MongoClient(uri, serverSelectionTimeoutMS=10_000)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m crm_chassis.backup", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (("dump", "Write a backup."), ("restore", "Restore one.")):
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument("folder", type=Path, help="where the backup is")
        if name == "dump":
            command.add_argument(
                "--databases", required=True, help="which, separated by commas: crm_contacts,..."
            )
    return parser


def _uri(variables: Mapping[str, str]) -> str:
    if file := variables.get(f"{URI}_FILE"):
        return Path(file).read_text(encoding="utf-8").strip()
    if uri := variables.get(URI):
        return uri
    raise BackupError(f"Set {URI} or {URI}_FILE.")


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
