"""What Prometheus and Grafana are given by the chart is what the project's own rules say."""

import json

import pytest
import yaml
from helm.rendered import PROCESSES, named, names_of, of_case, of_kind
from observability.promtool import promtool

from chart.places import CHART, OBSERVABILITY, ROOT
from chart.rendering import cases, template
from monitoring.writing import as_yaml

LARGEST_CONFIG_MAP = 1024 * 1024
RUNBOOKS, GRAFANA = "https://git.example.com/crm/blob/main/", "https://grafana.example.com"


@pytest.fixture(scope="module")
def documents():
    return of_case("monitoring")


def rules_of(groups):
    return [rule for group in groups for rule in group["rules"]]


def test_prometheus_takes_the_rules(documents, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(as_yaml(named(documents, "PrometheusRule", "crm")["spec"]), encoding="utf-8")

    promtool("check", "rules", "--lint=all", "--lint-fatal", file)


def test_the_rules_are_the_project_s_with_whole_addresses(documents):
    own = [
        rule
        for file in sorted((OBSERVABILITY / "rules").glob("*.yaml"))
        for rule in rules_of(yaml.safe_load(file.read_text(encoding="utf-8"))["groups"])
    ]
    rendered = rules_of(named(documents, "PrometheusRule", "crm")["spec"]["groups"])

    assert len(rendered) == len(own) > 100
    for rule, source in zip(rendered, own, strict=True):
        annotations = dict(rule.get("annotations", {}))
        if "alert" in rule:
            page = annotations["runbook_url"].removeprefix(RUNBOOKS)
            assert (ROOT / page).is_file()
            annotations["runbook_url"] = page
            annotations["dashboard_url"] = annotations["dashboard_url"].removeprefix(GRAFANA)
        assert {**rule, "annotations": annotations} == {"annotations": {}, **source}


def test_every_process_is_scraped_under_the_names_that_rules_know(documents):
    monitor = named(documents, "ServiceMonitor", "crm")["spec"]
    scraped = [
        service["metadata"]
        for service in of_kind(documents, "Service")
        if monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    ]
    (endpoint,) = monitor["endpoints"]
    labels = {one.get("targetLabel"): one for one in endpoint["relabelings"]}

    assert {one["name"] for one in scraped} == {f"crm-{one}-{other}" for one, other in PROCESSES}
    for one in scraped:
        assert one["name"] == f"crm-{one['labels']['crm/service']}-{one['labels']['crm/process']}"
    assert labels["job"]["sourceLabels"] == ["__meta_kubernetes_service_label_crm_service"]
    assert labels["job"]["replacement"] == "crm-$1"
    assert labels["process"]["sourceLabels"] == ["__meta_kubernetes_service_label_crm_process"]
    assert endpoint["relabelings"][-1] == {"action": "labeldrop", "regex": "service"}


def test_every_dashboard_is_there_and_fits_into_a_config_map(documents):
    found = {}
    for one in of_kind(documents, "ConfigMap"):
        if one["metadata"]["labels"].get("grafana_dashboard") == "1":
            assert len(json.dumps(one)) < LARGEST_CONFIG_MAP
            assert one["metadata"]["annotations"] == {"grafana_folder": "CRM"}
            found |= one["data"]

    assert {name: json.loads(text) for name, text in found.items()} == {
        file.name: json.loads(file.read_text(encoding="utf-8"))
        for file in (OBSERVABILITY / "dashboards").glob("*.json")
    }


def test_objects_carry_the_labels_by_which_they_are_found(documents):
    for kind in ("ServiceMonitor", "PrometheusRule"):
        assert named(documents, kind, "crm")["metadata"]["labels"]["release"] == "prometheus"


def test_a_cluster_that_does_not_know_the_kinds_is_spared_them():
    text = template(CHART, cases(CHART)["monitoring"])
    kinds = {document["kind"] for document in yaml.safe_load_all(text) if document}

    assert not kinds & {"ServiceMonitor", "PrometheusRule"}


def test_there_is_nothing_of_it_unless_it_is_wanted():
    documents = of_case("default")

    assert not of_kind(documents, "ServiceMonitor", "PrometheusRule")
    assert not [name for name in names_of(documents, "ConfigMap") if name.endswith("-dashboard")]
