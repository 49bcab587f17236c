"""`crmctl doctor`: looks at every part: what is wrong, since when, and what to do about it."""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from crm_gateway.crmctl import codes
from crm_gateway.crmctl.client import Client, Json, Problem, Unreachable
from crm_gateway.crmctl.dead_letters import dead_letters
from crm_gateway.crmctl.findings import (
    Finding,
    first_of,
    ill,
    moment_of,
    refused,
    show,
    since,
    well,
)
from crm_gateway.crmctl.ledger import reconcile
from crm_gateway.crmctl.operations import Operations, told_of
from crm_gateway.crmctl.terminal import say
from crm_gateway.crmctl.usage import add_command
from crm_gateway.ops.rules import DAY, MANY_DEAD

if TYPE_CHECKING:
    from crm_gateway.crmctl.usage import Commands

SPAN = timedelta(hours=1)
_ABOUT = (
    "Look at an installation: who answers, whether each part is ready, whether anything was lost "
    "in the last hour, whether messages wait for somebody, what the figures and alerts of /ops "
    "show. What is not well is told with since when it is so, a command to begin with, and the "
    "page that tells more."
)
# Who is not let in needs another key; somebody who is let in can make or look for one.
_ACTIONS = {401: "crmctl keys create --user USER --name NAME", 403: "crmctl keys list"}
Findings = Iterator[Finding]
Look = Callable[[Client, Operations], Findings]


def add_commands(commands: "Commands") -> None:
    """Declare `doctor`."""
    add_command(commands, "doctor", examine, _ABOUT, "crmctl doctor")


def examine(client: Client, _asked: argparse.Namespace) -> int:
    """Some lines for each part; `NOT_WELL` when one is not.

    Raises:
        Unreachable: nobody answers at all.
    """
    client.get("/healthz")
    findings = [well("gateway", f"answers at {client.url}")]
    operations = told_of(client)
    for look in (_readiness, _key, _ledger, _dead_letters):
        findings += _found(look, client, operations)
    findings += operations.findings(findings)
    for finding in findings:
        show(finding)
    failed = sum(finding.is_well is False for finding in findings)
    say()
    say(_in_short(findings, failed))
    return codes.NOT_WELL if failed else codes.OK


def _in_short(findings: list[Finding], failed: int) -> str:
    if failed:
        return f"{failed} of {len(findings)} need a look."
    if any(finding.is_well is None for finding in findings):
        return "All that could be looked at is well."
    return "All is well."


def _readiness(client: Client, operations: Operations) -> Findings:
    status, body = client.fetch("/readyz")
    away = []
    for name, told in json.loads(body).get("dependencies", {}).items():
        if told["ready"]:
            yield well(name, "ready")
            continue
        away.append(name)
        need = "" if told.get("needed", True) else ", the others answer without it"
        begun = operations.since("dependency-down", name)
        yield ill(name, f"not ready{need}", "dependency-down", name, begun)
    if status != 200:
        begun = next(filter(None, (operations.since("dependency-down", one) for one in away)), "")
        words = "takes no requests while what it needs is not ready"
        yield ill("gateway", words, "dependency-down", "gateway", begun)


def _key(client: Client, _operations: Operations) -> Findings:
    client.get("/v1/contacts", pageSize=1)
    yield well("key", "is taken")


def _ledger(client: Client, operations: Operations) -> Findings:
    end = datetime.now(UTC)
    for source in reconcile(client, end - SPAN, end).get("sources", ()):
        name = source["source"]
        part, difference = f"ledger of {name}", int(source.get("difference", 0))
        if source.get("unavailable"):
            begun = operations.since("target-absent", f"{name}/api")
            yield ill(part, "the source could not be asked", "target-absent", name, begun)
        elif difference:
            missing = source.get("missing", ())
            words = f"{difference} missing in the last hour: {', '.join(missing[:3])}"
            first = first_of(missing) or end
            found = ill(part, words, "ledger-missing", name, since(first_of(missing)))
            yield replace(found, action=f"crmctl ledger --hour {first:%Y-%m-%dT%H}")
        else:
            yield well(part, f"{int(source.get('accepted', 0))} accepted, none missing")


def _dead_letters(client: Client, operations: Operations) -> Findings:
    away: set[str] = set()
    queues: defaultdict[str, list[Json]] = defaultdict(list)
    for letter in dead_letters(client, away, "DEAD"):
        queues[letter.get("queue", "")].append(letter)
    for service in sorted(away):
        begun = operations.since("target-absent", f"{service}/api")
        part = f"dead letters of {service}"
        yield ill(part, "the service could not be asked", "target-absent", service, begun)
    for queue, letters in sorted(queues.items()):
        times = [moment for one in letters if (moment := moment_of(one.get("firstTime")))]
        yield _waiting(queue, len(letters), min(times, default=None))
    if not queues:
        yield well("dead letters", "none wait")


def _waiting(queue: str, count: int, first: datetime | None) -> Finding:
    is_old = first is not None and (datetime.now(UTC) - first).total_seconds() > DAY
    runbook = "dead-letters-piling" if count > MANY_DEAD or is_old else "dead-letters-waiting"
    return ill(f"dead letters of {queue}", f"{count} wait", runbook, queue, since(first))


def _found(look: Look, client: Client, operations: Operations) -> list[Finding]:
    """What a look finds; that it could not be had is a finding too."""
    part = look.__name__.strip("_").replace("_", " ")
    found: list[Finding] = []
    try:
        found.extend(look(client, operations))
    except Problem as problem:
        action = _ACTIONS.get(problem.status, "make status")
        words = f"{problem} ({problem.document.get('reason', '')})"
        found.append(refused(part, words, action))
    except (Unreachable, ValueError) as error:
        found.append(refused(part, str(error), "make status"))
    return found
