"""The alerts of all rules, and what an alert must tell."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from generated import ROOT, told
from monitoring import places

Rule = dict[str, Any]
SEVERITIES = ("page", "ticket")
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
# Two capitals side by side would leave the name of the page to guessing.
_CAMEL_CASE = re.compile(r"(?:[A-Z][a-z0-9]+)+")
# Pages that belong to no alert.
_INDEX = "README.md"


@cache
def rules() -> list[Rule]:
    """Every rule of every group, recording rules too."""
    files = sorted(places.RULES.glob("*.yaml"))
    groups = [yaml.safe_load(file.read_text(encoding="utf-8"))["groups"] for file in files]
    return [rule for file in groups for group in file for rule in group["rules"]]


def alert_rules() -> list[Rule]:
    """Every alert; one name may have several."""
    return [rule for rule in rules() if "alert" in rule]


def alert_names() -> list[str]:
    """The names of alerts, each once."""
    return sorted({rule["alert"] for rule in alert_rules()})


def complaints() -> Iterator[str]:
    """What is missing or wrong, in words."""
    for rule in alert_rules():
        yield from (f"{rule['alert']}: {words}" for words in _flaws(rule))
    yield from _runbook_flaws()


def _flaws(rule: Rule) -> Iterator[str]:
    name, labels, said = rule["alert"], rule.get("labels", {}), rule.get("annotations", {})
    if not _CAMEL_CASE.fullmatch(name):
        yield "its name is not CamelCase with no two capitals side by side"
    if labels.get("severity") not in SEVERITIES:
        yield f"its severity is none of {', '.join(SEVERITIES)}"
    if not labels.get("team"):
        yield "no team is told of it"
    if not said.get("summary"):
        yield "it has no summary"
    if not re.search(r"\{\{ \$value \| humanize\w* \}\}", said.get("description", "")):
        yield "its description does not tell the value in a form for people"
    if said.get("runbook_url") != places.runbook_of(name):
        yield f"its runbook_url is not {places.runbook_of(name)}"
    page = said.get("dashboard_url", "").removeprefix("/d/")
    if not (places.DASHBOARDS / f"{page}.json").is_file():
        yield f"its dashboard_url names no dashboard: {page}"


def _runbook_flaws() -> Iterator[str]:
    wanted = {ROOT / places.runbook_of(name) for name in alert_names()}
    for path in sorted(wanted):
        if not path.is_file():
            yield f"{told(path)} is missing"
        elif re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE) != HEADINGS:
            yield f"{told(path)} does not have the headings {', '.join(HEADINGS)}"
    for path in sorted(set(places.RUNBOOKS.glob("*.md")) - wanted):
        if path.name != _INDEX:
            yield f"{told(path)} belongs to no alert"
