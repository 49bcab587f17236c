"""`crmctl doctor`: looks at every part of an installation, and says what is not as it should be."""

import argparse
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from crm_gateway.crmctl import codes
from crm_gateway.crmctl.client import Client, Problem, Unreachable
from crm_gateway.crmctl.dead_letters import dead_letters
from crm_gateway.crmctl.ledger import reconcile
from crm_gateway.crmctl.terminal import say
from crm_gateway.crmctl.usage import add_command

if TYPE_CHECKING:
    from crm_gateway.crmctl.usage import Commands

SPAN = timedelta(hours=1)
_ABOUT = (
    "Look at an installation: who answers, whether each part is ready, whether anything was lost "
    "in the last hour, whether messages wait for somebody."
)


class Finding(NamedTuple):
    """How one part stands, and what there is to say of it."""

    is_well: bool
    part: str
    words: str


Findings = Iterator[Finding]


def add_commands(commands: "Commands") -> None:
    """Declare `doctor`."""
    add_command(commands, "doctor", examine, _ABOUT, "crmctl doctor")


def examine(client: Client, _asked: argparse.Namespace) -> int:
    """A line for each part; `NOT_WELL` when one is not.

    Raises:
        Unreachable: nobody answers at all.
    """
    client.get("/healthz")
    findings = [Finding(True, "gateway", f"answers at {client.url}")]
    for look in (_readiness, _key, _ledger, _dead_letters):
        findings += _found(look, client)
    for finding in findings:
        say(f"{'ok  ' if finding.is_well else 'FAIL'}  {finding.part}: {finding.words}")
    failed = sum(not finding.is_well for finding in findings)
    say()
    say(f"{failed} of {len(findings)} need a look." if failed else "All is well.")
    return codes.NOT_WELL if failed else codes.OK


def _readiness(client: Client) -> Findings:
    status, body = client.fetch("/readyz")
    for name, told in json.loads(body).get("dependencies", {}).items():
        need = "" if told.get("needed", True) else ", the others answer without it"
        yield Finding(told["ready"], name, "ready" if told["ready"] else f"not ready{need}")
    if status != 200:
        yield Finding(False, "gateway", "takes no requests while what it needs is not ready")


def _key(client: Client) -> Findings:
    client.get("/v1/contacts", pageSize=1)
    yield Finding(True, "key", "is taken")


def _ledger(client: Client) -> Findings:
    end = datetime.now(UTC)
    for source in reconcile(client, end - SPAN, end).get("sources", ()):
        part = f"ledger of {source['source']}"
        difference = int(source.get("difference", 0))
        if source.get("unavailable"):
            yield Finding(False, part, "the source could not be asked")
        elif difference:
            missing = ", ".join(source.get("missing", ())[:3])
            yield Finding(False, part, f"{difference} missing in the last hour: {missing}")
        else:
            yield Finding(True, part, f"{int(source.get('accepted', 0))} accepted, none missing")


def _dead_letters(client: Client) -> Findings:
    away: set[str] = set()
    waiting = sum(1 for _ in dead_letters(client, away, "DEAD"))
    for service in sorted(away):
        yield Finding(False, f"dead letters of {service}", "the service could not be asked")
    words = f"{waiting} wait: see `crmctl dlq list`" if waiting else "none wait"
    yield Finding(not waiting, "dead letters", words)


def _found(look: Callable[[Client], Findings], client: Client) -> list[Finding]:
    """What a look finds; that it could not be had is a finding too."""
    part = look.__name__.strip("_").replace("_", " ")
    found: list[Finding] = []
    try:
        found.extend(look(client))
    except Problem as problem:
        found.append(Finding(False, part, f"{problem} ({problem.document.get('reason', '')})"))
    except (Unreachable, ValueError) as error:
        found.append(Finding(False, part, str(error)))
    return found
