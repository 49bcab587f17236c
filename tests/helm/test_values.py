"""Values that cannot be right are refused before anything is changed, and are named."""

import json
import resource

import pytest
from helm.rendered import with_values

from chart.keys import SCHEMA
from chart.places import CHART
from chart.rendering import RenderError, cases, render, template

DIGEST = "sha256:" + 64 * "a"
WRONG = {
    "a key that nobody knows": ({"replicas": 3}, "additional properties 'replicas'"),
    "a misspelt key": ({"image": {"tga": "1"}}, "'tga' not allowed"),
    "a misspelt service": ({"services": {"contact": {}}}, "'contact' not allowed"),
    "a process that the service lacks": ({"services": {"sales": {"worker": {}}}}, "'worker'"),
    "a misspelt key of a process": ({"services": {"sales": {"api": {"replica": 2}}}}, "'replica'"),
    "a setting of another service": (
        {"services": {"sales": {"config": {"publicUrl": "https://a.example.com"}}}},
        "'publicUrl' not allowed",
    ),
    "text for a number": ({"processes": {"api": {"replicas": "three"}}}, "/processes/api/replicas"),
    "a digest that is none": ({"services": {"sales": {"digest": "sha256:abc"}}}, "/digest"),
    "a registry without its slash": ({"image": {"registry": "example.com"}}, "/image/registry"),
    "no digests where they are demanded": ({"image": {"requireDigests": True}}, "/sales/digest"),
    "an ingress and a route at once": (
        {
            "ingress": {"enabled": True, "host": "crm.example.com"},
            "httpRoute": {"enabled": True, "parentRefs": [{"name": "edge"}]},
        },
        "/httpRoute/enabled",
    ),
    "an ingress without a host": ({"ingress": {"enabled": True}}, "/ingress/host"),
    "a route without a Gateway": ({"httpRoute": {"enabled": True}}, "/httpRoute/parentRefs"),
    "memory that is no quantity": (
        {"processes": {"api": {"resources": {"limits": {"memory": "256 MB"}}}}},
        "/resources/limits/memory",
    ),
    "an api that is scaled by a queue": (
        {"processes": {"api": {"autoscaling": {"type": "queue"}}}},
        "/processes/api/autoscaling/type",
    ),
    "more relays than there are shares": ({"processes": {"relay": {"replicas": 65}}}, "/replicas"),
    "a policy's peer that is none": (
        {"networkPolicy": {"mongodb": {"to": [{"ip": "10.0.0.1"}]}}},
        "/networkPolicy/mongodb/to/0",
    ),
    "an address range that is none": ({"networkPolicy": {"nodes": ["10.0.0.1"]}}, "/nodes/0"),
    "a variable of the suite's own": (
        {"pod": {"extraEnv": [{"name": "CRM_SALES_LOG_LEVEL", "value": "INFO"}]}},
        "/pod/extraEnv/0/name",
    ),
    "a pod that ends at once": ({"termination": {"preStopSeconds": 0}}, "/preStopSeconds"),
}
WRONG_SETTINGS = {
    "timeZone": ["Mars City", 3],
    "logLevel": ["LOUD", "info"],
    "retrySeconds": ["5,30", [], [0], ["5"]],
    "mongodbDatabase": ["a/b", ""],
    "publicUrl": ["crm.example.com", "https://crm.example.com/"],
    "prometheusUrl": ["prometheus:9090"],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_and_named(name, tmp_path):
    values, told = WRONG[name]

    with pytest.raises(RenderError, match="values don't meet the specifications") as refused:
        with_values(tmp_path, values)

    assert told in str(refused.value)


@pytest.mark.parametrize("setting", WRONG_SETTINGS)
def test_a_wrong_setting_is_refused_and_named(setting, tmp_path):
    service = {"publicUrl": "campaigns", "prometheusUrl": "gateway"}.get(setting, "contacts")
    for value in WRONG_SETTINGS[setting]:
        with pytest.raises(RenderError) as refused:
            with_values(tmp_path, {"services": {service: {"config": {setting: value}}}})

        assert f"/services/{service}/config/{setting}" in str(refused.value)


def test_every_setting_has_a_wrong_value_here():
    definitions = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
    kinds = ("config", "campaignsConfig", "gatewayConfig")

    assert {key for kind in kinds for key in definitions[kind]["properties"]} == set(WRONG_SETTINGS)


def test_only_production_demands_digests(tmp_path):
    services = {name: {"digest": DIGEST} for name in ("contacts", "sales")}

    assert with_values(tmp_path, {"services": services})
    with pytest.raises(RenderError, match="/services/gateway/digest"):
        render(CHART, [CHART / "values-production.yaml", tmp_path / "values.yaml"])


def test_a_chart_around_this_one_may_tell_all_its_parts_something(tmp_path):
    assert with_values(tmp_path, {"global": {"team": "crm"}})


def test_a_name_that_kubernetes_would_not_take_is_refused_at_once():
    assert template(CHART, release="c" * 36)
    with pytest.raises(RenderError, match="at most 36 characters"):
        template(CHART, release="c" * 37)


def open_places(schema: object, path: str) -> list[str]:
    """Where a schema lets any key pass."""
    found = []
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("type") == "object":
            found += [path] if schema.get("additionalProperties") is not False else []
        for key, inner in schema.items():
            found += open_places(inner, f"{path}/{key}")
    return found


def test_the_schema_is_closed_everywhere():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))

    assert open_places(schema, "") == []
    assert open_places({"a": {"type": "object", "properties": {}}}, "") == ["/a"]
    assert schema["properties"]["global"] == {"type": "object"}


def seconds_of_programs():
    """What the programs that have ended had of the machine, whatever else it had to do."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_same_values_render_the_same_text_and_within_a_second():
    files = cases(CHART)["production"]
    taken, texts = [], set()
    for _ in range(5):
        begun = seconds_of_programs()
        texts.add(template(CHART, files))
        taken.append(seconds_of_programs() - begun)

    assert len(texts) == 1
    assert min(taken) < 1
