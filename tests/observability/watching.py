"""A Prometheus and an Alertmanager of a test's own that watch the running suite, in a hurry."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml

from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.processes import start_process, stop_process
from crm_chassis.testing.suite import Suite
from crm_chassis.testing.waiting import wait_until
from monitoring import places
from stack.layout import Layout
from stack.ports import kept_ports
from stack.prometheus import scrape_configs

Alert = dict[str, Any]
HURRY = "1s"
# A busy process takes its time to tell, and two looks in a row have to succeed.
LOOK = "5s"


@dataclass(frozen=True)
class Alertmanager:
    """Who is told of alerts."""

    url: str

    def alerts(self, name: str) -> list[Alert]:
        """What it knows to be wrong at this moment, by the alert's name."""
        query = urlencode({"filter": f'alertname="{name}"'})
        with urlopen(f"{self.url}/api/v2/alerts?{query}", timeout=30) as answer:
            alerts: list[Alert] = json.load(answer)
        return alerts

    def tell(self, *labels: dict[str, str]) -> None:
        """Tell of alerts as a Prometheus does."""
        body = json.dumps([{"labels": each} for each in labels]).encode()
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(f"{self.url}/api/v2/alerts", body, headers), timeout=30):
            pass


@contextmanager
def alertmanager(folder: Path) -> Iterator[Alertmanager]:
    """One that groups and inhibits as ours do, but does not wait for others of a group."""
    configuration = yaml.safe_load(places.ALERTMANAGER.read_text(encoding="utf-8"))
    configuration["route"] |= {"group_wait": "0s", "group_interval": HURRY}
    file = folder / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    [port] = free_ports(1)
    options = {
        "config.file": file,
        "storage.path": folder / "alertmanager",
        "web.listen-address": f"127.0.0.1:{port}",
        "cluster.listen-address": "",
    }
    with _running("prometheus-alertmanager", options, folder, f"http://127.0.0.1:{port}") as url:
        yield Alertmanager(url)


@contextmanager
def prometheus(suite: Suite, job: str, told: Alertmanager, folder: Path) -> Iterator[str]:
    """One that looks at a job of the suite again and again, by the same rules in a hurry."""
    scrapes = scrape_configs(kept_ports(Layout(suite.folder)))
    manager = told.url.removeprefix("http://")
    configuration = {
        "global": {
            "scrape_interval": LOOK,
            "scrape_timeout": LOOK,
            "evaluation_interval": HURRY,
        },
        "rule_files": [str(_rules_in_a_hurry(folder))],
        "scrape_configs": [scrape for scrape in scrapes if scrape["job_name"] == job],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [manager]}]}]},
    }
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    [port] = free_ports(1)
    options = {
        "config.file": file,
        "storage.tsdb.path": folder / "prometheus",
        "web.listen-address": f"127.0.0.1:{port}",
    }
    with _running("prometheus", options, folder, f"http://127.0.0.1:{port}") as url:
        yield url


def _rules_in_a_hurry(folder: Path) -> Path:
    """Our alerts, which wait for a second instead of minutes, and do not linger."""
    rules = yaml.safe_load((places.RULES / "alerts.yaml").read_text(encoding="utf-8"))
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        rule.pop("keep_firing_for", None)
        if "for" in rule:
            rule["for"] = HURRY
        if rule["alert"] == "OutboxStuck":
            assert rule["expr"].endswith("> 120")
            rule["expr"] = rule["expr"].replace("> 120", "> 2")
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(rules), encoding="utf-8")
    return file


@contextmanager
def _running(program: str, options: dict[str, Any], folder: Path, url: str) -> Iterator[str]:
    command = [program, *(f"--{name}={value}" for name, value in options.items())]
    process = start_process(command, folder / f"{program}.log")
    try:
        wait_until(lambda: _is_ready(url), what=program)
        yield url
    finally:
        stop_process(process)


def _is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/-/ready", timeout=30):
            return True
    except OSError:
        return False
