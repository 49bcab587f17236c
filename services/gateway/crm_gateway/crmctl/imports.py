"""`crmctl import contacts`: send a CSV file, watch it being taken, keep the rows that were not."""

import argparse
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from crm_gateway.crmctl import codes
from crm_gateway.crmctl.client import Client, Json
from crm_gateway.crmctl.terminal import complain, end_progress, say, show_progress
from crm_gateway.crmctl.usage import add_command, add_group

if TYPE_CHECKING:
    from crm_gateway.crmctl.usage import Commands

PIECE = 64 * 1024
PAUSE = 0.5
_ABOUT = (
    "Import people from a CSV file whose first line names the columns. Rows that cannot be taken "
    "are kept beside the file, with the reason in the last column."
)
_EXAMPLES = """\
crmctl import contacts people.csv --map given_name=givenName surname=familyName --dry-run
crmctl import contacts people.csv --map mail='emails[0].address' id=externalIds.erp \\
       --mode upsert --match-by externalIds.erp"""


def add_commands(commands: "Commands") -> None:
    """Declare `import`."""
    group = add_group(commands, "import", "Bring in many rows at once.")
    parser = add_command(group, "contacts", import_contacts, _ABOUT, _EXAMPLES)
    parser.add_argument("file", type=_file, metavar="FILE", help="the CSV file")
    parser.add_argument(
        "--map",
        type=_pair,
        nargs="+",
        action="extend",
        required=True,
        metavar="COLUMN=FIELD",
        help="which field a column fills; other columns are passed over",
    )
    parser.add_argument(
        "--mode",
        choices=["create", "update", "upsert"],
        default="create",
        help="what to do with rows that match a contact (create leaves them out)",
    )
    parser.add_argument(
        "--match-by",
        nargs="+",
        default=[],
        metavar="FIELD",
        help="the fields by which a row matches: externalIds.erp, emails.address",
    )
    parser.add_argument("--dry-run", action="store_true", help="look at every row, change nothing")


def import_contacts(client: Client, asked: argparse.Namespace) -> int:
    """Import a file of contacts; `NOT_WELL` when rows were not taken."""
    columns = [column for column, _ in asked.map]
    if len(set(columns)) < len(columns):
        complain("error: a column is mapped twice")
        return codes.WRONG_USAGE
    config = {
        "columns": dict(asked.map),
        "mode": asked.mode.upper(),
        "matchBy": asked.match_by,
        "dryRun": asked.dry_run,
    }
    operation = _send(client, asked.file, config)
    try:
        operation = _wait(client, operation)
    except KeyboardInterrupt:
        complain(f"\nThe import goes on without you: {client.url}/v1/{operation['name']}")
        raise
    if operation.get("error"):
        error = operation["error"]
        complain(f"error: {error.get('detail', '')} ({error.get('reason', '')})")
        return codes.NOT_WELL
    return _tell(client, operation["response"], asked)


def _send(client: Client, file: Path, config: Json) -> Json:
    boundary = uuid.uuid4().hex
    head, tail = _around(boundary, file.name, config)
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(head) + file.stat().st_size + len(tail)),
        "Idempotency-Key": f"crmctl-{boundary}",
    }
    with file.open("rb") as content:
        return client.upload("/v1/contacts:import", _pieces(head, content, tail), headers)


def _wait(client: Client, operation: Json) -> Json:
    while not operation.get("done"):
        told = operation.get("metadata", {})
        total = told.get("total") or "?"
        show_progress(
            f"{told.get('processed', 0)} of {total} rows, {told.get('failed', 0)} not taken"
        )
        time.sleep(PAUSE)
        operation = client.get(f"/v1/{operation['name']}")
    end_progress()
    return operation


def _tell(client: Client, came_to: Json, asked: argparse.Namespace) -> int:
    counts = [f"{word} {int(came_to.get(word, 0))}" for word in ("created", "updated", "skipped")]
    failed = int(came_to.get("failed", 0))
    intent = "would be: " if asked.dry_run else ""
    say(f"{intent}{', '.join(counts)}, failed {failed}")
    if not failed:
        return codes.OK
    if came_to.get("errorsUri"):
        bad_rows = asked.file.with_name(f"{asked.file.stem}.bad-rows.csv")
        bad_rows.write_bytes(client.download(came_to["errorsUri"]))
        say(f"The rows that were not taken are in {bad_rows}")
    return codes.NOT_WELL


def _around(boundary: str, name: str, config: Json) -> tuple[bytes, bytes]:
    """What stands before and after the file in the form."""
    plain = name.replace('"', "").encode("ascii", "ignore").decode() or "file.csv"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="config"\r\n'
        f"Content-Type: application/json\r\n\r\n{json.dumps(config)}\r\n"
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{plain}"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    )
    return head.encode(), f"\r\n--{boundary}--\r\n".encode()


def _pieces(head: bytes, content: BinaryIO, tail: bytes) -> Iterator[bytes]:
    yield head
    while piece := content.read(PIECE):
        yield piece
    yield tail


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _pair(text: str) -> tuple[str, str]:
    column, equals, field = text.partition("=")
    if not equals or not column.strip() or not field.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=FIELD")
    return column.strip(), field.strip()
