"""Dashboards: Grafana and people can use them, and Prometheus can answer them."""

import json
from copy import deepcopy

import pytest
from observability.promtool import assert_parsed

from monitoring import pages
from monitoring.promql import bare_counters, metric_names, with_values

FILES = pages.dashboard_files()
UIDS = ["business", "dependencies", "gateway", "messaging", "overview", "security", "services"]
SAMPLE = json.loads(FILES[0].read_text(encoding="utf-8"))


def test_the_addresses_of_dashboards_stay():
    assert [file.stem for file in FILES] == [f"crm-{name}" for name in UIDS]


def test_no_dashboard_has_a_flaw():
    assert list(pages.complaints()) == []


def test_prometheus_takes_every_query(tmp_path):
    dashboards = [json.loads(file.read_text(encoding="utf-8")) for file in FILES]
    asked = [query for dashboard in dashboards for query in pages.expressions(dashboard)]

    assert_parsed(map(with_values, asked), tmp_path)


def spoil_query(expression):
    return lambda dashboard, panel: panel["targets"][0].update(expr=expression)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda dashboard, panel: dashboard.update(editable=True), "can be edited"),
        (lambda dashboard, panel: dashboard.update(uid="1a2b"), "no uid"),
        (lambda dashboard, panel: dashboard["templating"].update(list=[]), "cannot be chosen"),
        (lambda dashboard, panel: panel.update(title=""), "no title"),
        (lambda dashboard, panel: panel.update(description=""), "no description"),
        (lambda dashboard, panel: panel["fieldConfig"]["defaults"].update(unit=""), "no unit"),
        (lambda dashboard, panel: panel.update(datasource={"uid": "p1"}), "is fixed"),
        (lambda dashboard, panel: panel["targets"][0].update(legendFormat=""), "no legend"),
        (lambda dashboard, panel: panel["gridPos"].update(y=0), "on each other"),
        (lambda dashboard, panel: panel["gridPos"].update(w=25), "wider"),
        (lambda dashboard, panel: panel.update(id=1), "one id"),
        (spoil_query("sum(crm_shed_requests_total)"), "outside of rate"),
        (spoil_query("rate(crm_shed_requests_total[5m])"), "does not follow the zoom"),
        (spoil_query('up{job="$nobody"}'), "$nobody cannot be chosen"),
    ],
)
def test_a_flaw_is_found(spoil, complaint):
    dashboard = deepcopy(SAMPLE)

    spoil(dashboard, pages.panels_of(dashboard)[0])

    assert any(complaint in flaw for flaw in pages.flaws(dashboard))


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (le) (rate(a_bucket{x=~"b[.]c{2}"}[5m])) / on (d) group_left (e) f', "a_bucket f"),
        ("topk(3, up == 0) or vector(1e-9) unless absent(x:y:z offset 5m)", "up x:y:z"),
        ("histogram_quantile(0.9, sum without (a) (increase(b_bucket[$__range])))", "b_bucket"),
        ("avg_over_time(a[1d:5m]) > bool 5 and count(b)", "a b"),
    ],
)
def test_the_names_in_an_expression_are_found(expression, names):
    assert metric_names(expression) == set(names.split())


def test_a_counter_within_a_rate_is_no_bare_one():
    expression = 'sum(rate(a_total{b="c"}[5m])) / d_total + increase(e_sum[5m])'

    assert bare_counters(expression) == {"d_total"}
