"""Dashboards as plain values, and as the JSON that Grafana reads."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
SCHEMA_VERSION = 39
COLUMNS = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, AMBER, RED = "green", "orange", "red"
# From a value on, a colour; the first one has no value.
Steps = Sequence[tuple[float | None, str]]
GOOD_AT_ZERO: Steps = ((None, GREEN), (1e-9, RED))


@dataclass(frozen=True)
class Query:
    """What a panel asks Prometheus, and what its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One picture. `unit` is one of Grafana's."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Literal["timeseries", "stat", "bargauge"] = "timeseries"
    width: int = 12
    height: int = 8
    steps: Steps = ((None, GREEN),)
    stacked: bool = False
    limits: tuple[float | None, float | None] = (0, None)


@dataclass(frozen=True)
class Row:
    """Panels under one heading, laid side by side as far as they fit."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Variable:
    """Something to choose above the panels; all of it at first."""

    name: str
    label: str
    query: str


@dataclass(frozen=True)
class Dashboard:
    """A page of panels. Its `uid` is part of addresses: it never changes."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()


JOB = Variable("job", "Service", 'label_values(up{job=~"crm-.*"}, job)')


def line(title: str, description: str, unit: str, *queries: Query, **more: Any) -> Panel:
    """What happens over time."""
    return Panel(title, description, unit, queries, **more)


def number(title: str, description: str, unit: str, *queries: Query, **more: Any) -> Panel:
    """How it stands now."""
    return Panel(
        title, description, unit, queries, **{"kind": "stat", "width": 6, "height": 5, **more}
    )


def as_json(dashboard: Dashboard) -> str:
    """The dashboard as Grafana reads it."""
    return json.dumps(_dashboard(dashboard), indent=1, ensure_ascii=False) + "\n"


def _dashboard(dashboard: Dashboard) -> Json:
    return {
        "id": None,
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["crm"],
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "links": [_links_to_the_others()],
        "annotations": {"list": []},
        "templating": {"list": [_datasource(), *map(_variable, dashboard.variables)]},
        "panels": list(_panels(dashboard.rows)),
    }


def _links_to_the_others() -> Json:
    return {
        "title": "CRM",
        "type": "dashboards",
        "tags": ["crm"],
        "asDropdown": True,
        "includeVars": False,
        "keepTime": True,
    }


def _datasource() -> Json:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
    }


def _variable(variable: Variable) -> Json:
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": variable.query, "refId": variable.name},
        "definition": variable.query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _panels(rows: Sequence[Row]) -> Iterator[Json]:
    """Rows and their panels from the top down, numbered in this order."""
    number_, y = 0, 0
    for row in rows:
        number_ += 1
        yield _heading(number_, row.title, y)
        x, y, tallest = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            number_ += 1
            place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
            yield {"id": number_, "gridPos": place, **_panel(panel)}
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest


def _heading(number_: int, title: str, y: int) -> Json:
    place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
    return {
        "id": number_,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": place,
        "panels": [],
    }


def _panel(panel: Panel) -> Json:
    low, high = panel.limits
    steps = [{"value": value, "color": colour} for value, colour in panel.steps]
    defaults: Json = {
        "unit": panel.unit,
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": steps},
        "custom": _custom(panel) if panel.kind == "timeseries" else {},
        **({"min": low} if low is not None else {}),
        **({"max": high} if high is not None else {}),
    }
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _OPTIONS[panel.kind],
        "targets": [_target(panel, index, query) for index, query in enumerate(panel.queries)],
    }


def _custom(panel: Panel) -> Json:
    """How lines are drawn; a limit in colour where there is one."""
    return {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 25 if panel.stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if len(panel.steps) > 1 else "off"},
    }


_REDUCED = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {"reduceOptions": _REDUCED, "colorMode": "background", "graphMode": "area"},
    "bargauge": {"reduceOptions": _REDUCED, "orientation": "horizontal", "displayMode": "basic"},
}


def _target(panel: Panel, index: int, query: Query) -> Json:
    return {
        "refId": chr(ord("A") + index),
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "exemplar": panel.kind == "timeseries" and "_bucket" in query.expr,
        "range": True,
    }
