"""What a dashboard must be like, whoever made its JSON."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from generated import told
from monitoring import places
from monitoring.promql import bare_counters, ranges, variables

Json = dict[str, Any]
# What Grafana's provisioning in Kubernetes takes: a ConfigMap holds no more.
LARGEST = 1024 * 1024
WIDTH = 24
DATASOURCE = "${datasource}"
_UID = re.compile(r"crm-[a-z-]{1,36}")


def dashboard_files() -> list[Path]:
    """The files of all dashboards."""
    return sorted(places.DASHBOARDS.glob("*.json"))


def panels_of(dashboard: Json) -> list[Json]:
    """Its pictures, without the headings between them."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard: Json) -> list[str]:
    """Everything that it asks Prometheus."""
    return [target["expr"] for panel in panels_of(dashboard) for target in panel["targets"]]


def complaints() -> Iterator[str]:
    """What is missing or wrong in any dashboard, in words."""
    for path in dashboard_files():
        if path.stat().st_size >= LARGEST:
            yield f"{told(path)}: larger than {LARGEST} bytes"
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        if dashboard.get("uid") != path.stem:
            yield f"{told(path)}: its uid is not the name of its file"
        yield from (f"{told(path)}: {words}" for words in flaws(dashboard))


def flaws(dashboard: Json) -> Iterator[str]:
    """What is missing or wrong in one."""
    if not _UID.fullmatch(str(dashboard.get("uid"))):
        yield "it has no uid like crm-overview"
    if dashboard.get("editable") is not False:
        yield "it can be edited, and what is edited is lost"
    declared = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    if declared.get("datasource", {}).get("type") != "datasource":
        yield "its data source cannot be chosen"
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(ids) != len(set(ids)):
        yield "two panels have one id"
    yield from _layout_flaws(dashboard["panels"])
    for panel in panels_of(dashboard):
        yield from (f"{panel.get('title')!r}: {words}" for words in _panel_flaws(panel, declared))


def _panel_flaws(panel: Json, declared: Json) -> Iterator[str]:
    for field in ("title", "description"):
        if not panel.get(field):
            yield f"it has no {field}"
    if not panel["fieldConfig"]["defaults"].get("unit"):
        yield "it has no unit"
    if panel.get("datasource", {}).get("uid") != DATASOURCE:
        yield "its data source is fixed"
    if not panel["targets"]:
        yield "it asks nothing"
    for target in panel["targets"]:
        if target["datasource"]["uid"] != DATASOURCE:
            yield "the data source of a query is fixed"
        if target["legendFormat"] in ("", "__auto"):
            yield "a query has no legend"
        yield from _query_flaws(target["expr"], declared)


def _query_flaws(expression: str, declared: Json) -> Iterator[str]:
    for name in sorted(bare_counters(expression)):
        yield f"{name} is a counter outside of rate or increase"
    for window in sorted(ranges(expression) - {"$__rate_interval"}):
        yield f"the window {window} does not follow the zoom: take $__rate_interval"
    for name in sorted(variables(expression) - declared.keys()):
        yield f"${name} cannot be chosen"


def _layout_flaws(panels: list[Json]) -> Iterator[str]:
    places_ = [panel["gridPos"] for panel in panels]
    if any(place["x"] + place["w"] > WIDTH for place in places_):
        yield "a panel is wider than the page"
    if any(_overlap(one, other) for one, other in combinations(places_, 2)):
        yield "two panels lie on each other"


def _overlap(one: Json, other: Json) -> bool:
    return bool(
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )
