"""`crmctl ledger`: whether all that was accepted has arrived, and what has not once more."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from crm_gateway.crmctl import codes
from crm_gateway.crmctl.client import Client, Json
from crm_gateway.crmctl.terminal import complain, end_progress, say, show_progress, show_table
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
_ABOUT_REPLAY = (
    "Publish events of a span of time again, after a restore or the loss of a queue. Each takes "
    "effect once, however often it is published."
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
    _add_replay(parser.add_subparsers(metavar="COMMAND"))


def _add_replay(commands: "Commands") -> None:
    examples = (
        "crmctl ledger replay --from 2026-11-22T14:05\n"
        "crmctl ledger replay --from 2026-11-22T14:05 --to 2026-11-22T14:20 --service contacts"
    )
    parser = add_command(commands, "replay", replay_events, _ABOUT_REPLAY, examples)
    parser.add_argument(
        "--from", dest="begin", type=_moment, required=True, metavar="T", help="in UTC, or +02:00"
    )
    parser.add_argument("--to", dest="end", type=_moment, metavar="T", help="now when not told")
    parser.add_argument(
        "--service", action="append", metavar="NAME", help="one of these only; all when not told"
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


def replay_events(client: Client, asked: argparse.Namespace) -> int:
    """How many events of each service are published again."""
    begin, end = asked.begin, asked.end or datetime.now(UTC)
    services = asked.service or _sources(client, begin)
    rows = [(service, _republish(client, service, begin, end)) for service in services]
    show_table(("SERVICE", "EVENTS"), rows)
    say("They are on their way. `crmctl ledger` tells when all have arrived.")
    return codes.OK


def reconcile(client: Client, begin: datetime, end: datetime) -> Json:
    """What the ledger says of a span of time."""
    body = {"startTime": _rfc3339(begin), "endTime": _rfc3339(end)}
    return client.post("/v1/ledger:reconcile", body)


def is_balanced(ledger: Json) -> bool:
    """Whether nothing is missing, and every source could be asked."""
    away = any(source.get("unavailable") for source in ledger.get("sources", ()))
    return not away and not int(ledger.get("difference", 0))


def _sources(client: Client, begin: datetime) -> list[str]:
    """Who announces events: the ledger of a moment names all of them."""
    ledger = reconcile(client, begin, begin + timedelta(seconds=1))
    return [source["source"] for source in ledger.get("sources", ())]


def _republish(client: Client, service: str, begin: datetime, end: datetime) -> int:
    """Let a service publish again what it announced in a span of time; gives how many events."""
    body = {"startTime": _rfc3339(begin), "endTime": _rfc3339(end)}
    count, token = 0, ""
    while True:
        asked = {**body, **({"pageToken": token} if token else {})}
        answer = client.post(f"/v1/services/{service}/events:republish", asked)
        count += int(answer.get("republished", 0))
        token = answer.get("nextPageToken", "")
        show_progress(f"{service}: {count}")
        if not token:
            end_progress()
            return count


def _tell_missing(source: Json) -> None:
    if source.get("unavailable"):
        complain(f"warning: {source['source']} could not be asked: {source['unavailable']}")
    missing = source.get("missing", [])
    for event in missing[:SHOWN]:
        say(f"missing  {source['source']}  {event}")
    if len(missing) > SHOWN:
        say(f"missing  {source['source']}  and {len(missing) - SHOWN} more")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        said = f"{text!r} is no moment, such as 2026-11-22T14:05"
        raise argparse.ArgumentTypeError(said) from None


def _hour(text: str) -> datetime:
    try:
        hour = _moment(text)
        hour + timedelta(hours=1)  # has an end
    except (argparse.ArgumentTypeError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no hour, such as 2026-11-22T14") from None
    return hour.replace(minute=0, second=0, microsecond=0)


def _rfc3339(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
