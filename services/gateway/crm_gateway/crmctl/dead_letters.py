"""`crmctl dlq`: messages that a service could not take, and what is to become of them."""

import argparse
import base64
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crm_gateway.crmctl import codes
from crm_gateway.crmctl.client import Client, Json
from crm_gateway.crmctl.terminal import complain, say, show_fields, show_table
from crm_gateway.crmctl.usage import add_command, add_group

if TYPE_CHECKING:
    from crm_gateway.crmctl.usage import Commands

COLLECTION = "deadLetters"
STATES = ("DEAD", "PARKED", "REPLAYED", "DISCARDED")
_VERBS = {
    "replay": "Send messages to their queue again; each takes effect once.",
    "park": "Set messages aside until somebody replays or discards them.",
    "discard": "Give messages up for good.",
}


def add_commands(commands: "Commands") -> None:
    """Declare `dlq`."""
    group = add_group(commands, "dlq", "Messages that a service could not take.")
    about = "List the dead letters of all services, newest first."
    examples = "crmctl dlq list\ncrmctl dlq list --state PARKED --queue sales.contacts-changed"
    parser = add_command(group, "list", list_dead_letters, about, examples)
    parser.add_argument("--state", choices=[*STATES, "ALL"], default="DEAD", help="default DEAD")
    _add_queue(parser)
    about = "Show a dead letter with its body."
    examples = "crmctl dlq show deadLetters/analytics.0190b0c4-..."
    parser = add_command(group, "show", show_dead_letter, about, examples)
    parser.add_argument("name", type=_name, metavar="NAME", help="as `dlq list` names it")
    for verb, words in _VERBS.items():
        examples = f"crmctl dlq {verb} deadLetters/analytics.0190b0c4-...\n"
        examples += f"crmctl dlq {verb} --queue analytics.journal"
        parser = add_command(group, verb, act_on_dead_letters, words, examples)
        parser.add_argument("names", type=_name, nargs="*", metavar="NAME", help="which")
        _add_queue(parser)
        parser.set_defaults(verb=verb)


def list_dead_letters(client: Client, asked: argparse.Namespace) -> int:
    """A line for each; `NOT_WELL` when a service could not be asked."""
    away: set[str] = set()
    found = list(dead_letters(client, away, asked.state, asked.queue))
    titles = ("NAME", "QUEUE", "REASON", "ATTEMPTS", "LAST", "STATE")
    rows = [
        (
            letter["name"],
            letter.get("queue", ""),
            letter.get("reason", ""),
            int(letter.get("attempts", 0)),
            letter.get("lastTime", ""),
            letter.get("state", ""),
        )
        for letter in found
    ]
    if rows:
        show_table(titles, rows)
    else:
        say("There are none.")
    return _told_who_is_away(away)


def show_dead_letter(client: Client, asked: argparse.Namespace) -> int:
    """Its fields, then its body."""
    letter = client.get(f"/v1/{asked.name}")
    body = base64.b64decode(letter.pop("body", ""))
    show_fields(letter)
    say()
    say(_readable(body))
    return codes.OK


def act_on_dead_letters(client: Client, asked: argparse.Namespace) -> int:
    """Replay, park or discard those that are named, or all of a queue that wait."""
    if bool(asked.names) == bool(asked.queue):
        complain("error: name dead letters, or a queue by --queue")
        return codes.WRONG_USAGE
    names = asked.names
    away: set[str] = set()
    if asked.queue:
        names = [letter["name"] for letter in dead_letters(client, away, "DEAD", asked.queue)]
    for name in names:
        letter = client.post(f"/v1/{name}:{asked.verb}", {})
        say(f"{letter['name']}  {letter.get('state', '')}")
    if not names:
        say("There are none.")
    return _told_who_is_away(away)


def dead_letters(client: Client, away: set[str], state: str, queue: str = "") -> Iterator[Json]:
    """The dead letters in a state, of a queue; services that do not answer are added to `away`."""
    for page in client.pages(f"/v1/{COLLECTION}", pageSize=1000):
        away.update(page.get("unavailable", ()))
        for letter in page.get(COLLECTION, ()):
            if state in ("ALL", letter.get("state")) and queue in ("", letter.get("queue")):
                yield letter


def _told_who_is_away(away: set[str]) -> int:
    for service in sorted(away):
        complain(f"warning: {service} did not answer")
    return codes.NOT_WELL if away else codes.OK


def _add_queue(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--queue", default="", metavar="QUEUE", help="those of this queue only")


def _readable(body: bytes) -> str:
    """JSON indented, other text as it is, anything else in hexadecimal digits."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body.hex(" ", 2)
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _name(text: str) -> str:
    return text if text.startswith(f"{COLLECTION}/") else f"{COLLECTION}/{text}"
