"""telemetry.yaml says what every process tells: compared with a scrape of each, both ways."""

import random
import uuid
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from contract.whole import view_of
from faults.processes import restart
from observability.scrapes import count_series, scrape_all

from crm_chassis.testing.waiting import wait_until
from stack.services import SERVICES

TELEMETRY = Path(__file__).parents[2] / "deploy/observability/telemetry.yaml"
STANDARD = ("python_", "process_")
HOUR = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T01:00:00Z"}


@pytest.fixture(scope="module")
def told():
    return yaml.safe_load(TELEMETRY.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def scrapes(suite):
    """What all processes tell after a customer was made, viewed, and counted."""
    client = suite.client()
    contact = client.post("/v1/contacts", {"givenName": "Telemetry"}).ok()["name"]
    view_of(client, contact)
    client.post("/v1/ledger:reconcile", HOUR).ok()
    client.get("/v1/deadLetters").ok()
    return scrape_all(suite)


def declared(told, process):
    return {
        name: metric
        for name, metric in told["metrics"].items()
        if any(fnmatch(process, pattern) for pattern in metric["processes"])
    }


def appears_later(metric):
    return metric["type"] == "histogram" or "appears" in metric


def is_ours(name):
    return not name.startswith(STANDARD)


def test_every_process_tells_what_is_declared_and_nothing_else(told, scrapes):
    for process, scrape in scrapes.items():
        expected = declared(told, process)
        later = {name for name, metric in expected.items() if appears_later(metric)}

        assert set(filter(is_ours, scrape)) - set(expected) == set(), process
        assert set(expected) - later - set(scrape) == set(), process


def test_types_words_and_labels_are_as_declared(told, scrapes):
    for process, scrape in scrapes.items():
        for name, family in scrape.items():
            if not is_ours(name):
                continue
            metric = told["metrics"][name]
            assert (family.type, family.documentation) == (metric["type"], metric["tells"]), name
            labels = metric.get("labels", {})
            for sample in family.samples:
                assert sample.labels.keys() - {"le"} == labels.keys(), (process, sample)
            for label, values in labels.items():
                if isinstance(values, list):
                    shown = {sample.labels[label] for sample in family.samples}
                    assert shown <= set(values), (process, name)


def test_counters_and_gauges_show_every_listed_value_from_the_start(told, scrapes):
    for name, metric in told["metrics"].items():
        if appears_later(metric) or name == "crm_http_requests_total":  # 4xx comes with the first
            continue
        families = [scrape[name] for scrape in scrapes.values() if name in scrape]
        samples = [sample for family in families for sample in family.samples]
        for label, values in metric.get("labels", {}).items():
            if isinstance(values, list):
                assert {sample.labels[label] for sample in samples} == set(values), (name, label)


def test_no_process_has_more_series_than_the_budget_whatever_path_is_asked(suite, told, scale):
    for service in SERVICES:
        restart(suite, f"{service.name}/api")
    client = suite.client()
    wait_until(lambda: _is_there(client), what="the gateway")
    paths = client.get("/v1/openapi.json").ok()["paths"]
    for path, verbs in paths.items():
        if "get" in verbs:
            client.get(_filled(path))
    drawn = random.Random(7)
    for _ in range(int(500 * scale)):
        verb = drawn.choice(["GET", "POST", "PATCH", "DELETE", "PUT", f"X{drawn.randrange(99)}"])
        first, second = drawn.choice(["contacts", "deals", "x"]), drawn.getrandbits(40)
        client.ask(verb, f"/v1/{first}/{uuid.uuid4()}/{second:x}")

    series = {process: count_series(scrape) for process, scrape in scrape_all(suite).items()}

    assert max(series.values()) < told["budget"], series


def _is_there(client):
    """Whether the gateway takes requests again; its probes are there a moment before."""
    try:
        return client.get("/readyz").status == 200
    except OSError:
        return False


def _filled(path):
    """A path of the API with an id for each of its variables."""
    while "{" in path:
        before, _, rest = path.partition("{")
        path = f"{before}{uuid.uuid4()}{rest.partition('}')[2]}"
    return path
