"""The Prometheus that runs with the stack: it sees every process, and follows every rule."""

import json
from urllib.request import urlopen

from crm_chassis.testing.waiting import wait_until
from monitoring import alerts
from stack.services import SERVICES


def ask(suite, path):
    with urlopen(f"{suite.env['CRM_PROMETHEUS_URL']}/api/v1/{path}", timeout=30) as answer:
        return json.load(answer)["data"]


def test_it_sees_every_process_and_the_broker(suite):
    def seen():
        targets = ask(suite, "targets")["activeTargets"]
        up = [target["labels"] for target in targets if target["health"] == "up"]
        return {(labels["job"], labels.get("process")) for labels in up}

    processes = {(f"crm-{one.name}", each) for one in SERVICES for each in one.processes}

    wait_until(lambda: seen() == processes | {("rabbitmq", None)}, every=0.5, what="all targets")


def test_it_follows_every_rule(suite):
    def followed():
        rules = [rule for group in ask(suite, "rules")["groups"] for rule in group["rules"]]
        return [rule["name"] for rule in rules if rule["health"] == "ok"]

    wanted = [rule.get("alert") or rule["record"] for rule in alerts.rules()]

    wait_until(
        lambda: sorted(followed()) == sorted(wanted), every=0.5, what="an evaluation of each"
    )
