"""`crmctl ledger`: whether all that was accepted in an hour was stored, published and archived."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from crm_gateway.crmctl import codes
from crm_gateway.crmctl.client import Client, Json
from crm_gateway.crmctl.terminal import complain, say, show_table
from crm_gateway.crmctl.usage import add_command

if TYPE_CHECKING:
    from crm_gateway.crmctl.usage import Commands

STAGES = {
    "ACCEPTED": "accepted",
    "STORED": "stored",
    "PUBLISHED": "published",
    "ARCHIVED": "archived",
    "IN FLIGHT": "inFlight",
    "DIFFERENCE": "difference",
}
# So many of what is missing are shown.
SHOWN = 20
_ABOUT = (
    "Compare, for an hour, what each source accepted, stored and published with what the journal "
    "has. The difference is 0 when nothing was lost."
)


def add_commands(commands: "Commands") -> None:
    """Declare `ledger`."""
    examples = "crmctl ledger\ncrmctl ledger --hour 2026-11-22T14"
    parser = add_command(commands, "ledger", show_ledger, _ABOUT, examples)
    parser.add_argument(
        "--hour",
        type=_hour,
        metavar="H",
        help="the hour in UTC, as 2026-11-22T14; the current one when not told",
    )


def show_ledger(client: Client, asked: argparse.Namespace) -> int:
    """A line for each source; `NOT_WELL` when there is a difference, or one could not be asked."""
    begin = asked.hour or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    ledger = reconcile(client, begin, begin + timedelta(hours=1))
    sources = ledger.get("sources", [])
    say(f"{begin:%Y-%m-%d %H:00} to {begin + timedelta(hours=1):%H:00} UTC")
    counts = [[int(source.get(stage, 0)) for stage in STAGES.values()] for source in sources]
    names = [source["source"] for source in sources]
    rows = [(name, *row) for name, row in zip(names, counts, strict=True)]
    show_table(("SOURCE", *STAGES), rows)
    for source in sources:
        _tell_missing(source)
    return codes.OK if is_balanced(ledger) else codes.NOT_WELL


def reconcile(client: Client, begin: datetime, end: datetime) -> Json:
    """What the ledger says of a span of time."""
    body = {"startTime": _rfc3339(begin), "endTime": _rfc3339(end)}
    return client.post("/v1/ledger:reconcile", body)


def is_balanced(ledger: Json) -> bool:
    """Whether nothing is missing, and every source could be asked."""
    away = any(source.get("unavailable") for source in ledger.get("sources", ()))
    return not away and not int(ledger.get("difference", 0))


def _tell_missing(source: Json) -> None:
    if source.get("unavailable"):
        complain(f"warning: {source['source']} could not be asked: {source['unavailable']}")
    missing = source.get("missing", [])
    for event in missing[:SHOWN]:
        say(f"missing  {source['source']}  {event}")
    if len(missing) > SHOWN:
        say(f"missing  {source['source']}  and {len(missing) - SHOWN} more")


def _hour(text: str) -> datetime:
    try:
        hour = datetime.fromisoformat(text)
        hour = hour.replace(tzinfo=UTC) if hour.tzinfo is None else hour.astimezone(UTC)
        hour + timedelta(hours=1)  # has an end
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no hour, such as 2026-11-22T14") from None
    return hour.replace(minute=0, second=0, microsecond=0)


def _rfc3339(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
