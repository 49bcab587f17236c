"""Rules: Prometheus takes them, every alert fires when it is to, and is silent when not."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import yaml
from observability.promtool import promtool

from monitoring import alerts, places, writing
from monitoring.slo import BURNS, read_slos
from stack.services import SERVICES

RULE_FILES = sorted(places.RULES.glob("*.yaml"))
TEST_FILES = sorted(places.TESTS.glob("*.yaml"))
ROUTES = {
    "severity=page": "pager",
    "severity=ticket": "tickets",
    "team=service-desk": "service-desk",
}


def test_prometheus_takes_all_rules():
    promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)


def test_every_alert_fires_and_is_silent_as_its_tests_say():
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda file: promtool("test", "rules", file), TEST_FILES))


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not():
    cases = [case for file in TEST_FILES for case in outcomes(file)]

    assert {name for name, fires in cases if fires} == set(alerts.alert_names())
    assert {name for name, fires in cases if not fires} == set(alerts.alert_names())


def outcomes(file):
    """The alerts that a file of tests asks for, and whether they are to fire."""
    for group in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]:
        for test in group.get("alert_rule_test", ()):
            yield test["alertname"], bool(test["exp_alerts"])
        for test in group.get("promql_expr_test", ()):
            yield test["expr"].split('alertname="')[1].split('"')[0], bool(test["exp_samples"])


def test_every_alert_tells_what_people_on_call_need():
    assert list(alerts.complaints()) == []


def test_what_is_generated_is_what_it_is_made_from():
    assert list(writing.stale()) == []


def test_every_promise_has_all_four_burns():
    rules = alerts.alert_rules()

    for slo in read_slos(places.SLOS):
        windows = {rule["labels"]["window"] for rule in rules if rule["alert"] == slo.alert}
        assert windows == {"few", *(burn.long for burn in BURNS)}


def test_a_few_failures_are_below_the_floor_of_no_ratio():
    """Either the ratio counts, because there are enough requests, or the failures themselves."""
    for slo in read_slos(places.SLOS):
        for burn in BURNS:
            assert slo.floor(burn) * slo.threshold(burn) >= 5


def test_every_process_is_missed_when_it_is_not_there():
    [rule] = [rule for rule in alerts.alert_rules() if rule["alert"] == "TargetAbsent"]

    for service in SERVICES:
        for process in service.processes:
            assert f'absent(up{{job="crm-{service.name}",process="{process}"}})' in rule["expr"]


def test_alertmanager_takes_its_configuration_and_calls_whom_it_is_to():
    for labels, receiver in ROUTES.items():
        asked = ["config", "routes", "test", f"--config.file={places.ALERTMANAGER}", labels]
        done = subprocess.run(["amtool", *asked], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == receiver

    subprocess.run(["amtool", "check-config", places.ALERTMANAGER], check=True)
