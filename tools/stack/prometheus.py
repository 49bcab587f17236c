"""The Prometheus of a stack, where it is installed: what it scrapes, which rules it follows."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stack.layout import ROOT
from stack.ports import Ports
from stack.services import SERVICES

RULES = ROOT / "deploy" / "observability" / "rules"
SCRAPED_EVERY = "15s"
# It is a guest here: the suite needs the machine's cores.
ENVIRONMENT = {"GOMAXPROCS": "1"}
# What the broker tells of each queue; all it knows of everything would cost it far more.
QUEUE_FAMILIES = ["queue_coarse_metrics", "queue_consumer_count"]


def is_wanted() -> bool:
    """Whether this machine has a Prometheus, and nobody has said `CRM_PROMETHEUS=0`."""
    return os.environ.get("CRM_PROMETHEUS") != "0" and shutil.which("prometheus") is not None


def url_of(ports: Ports) -> str:
    """Where it answers."""
    return f"http://127.0.0.1:{ports['prometheus']}"


def command(folder: Path, ports: Ports) -> list[str]:
    """Prometheus in the foreground, with what it keeps in `folder`."""
    options = {
        "config.file": _configuration_file(folder),
        "storage.tsdb.path": folder / "data",
        "storage.tsdb.retention.time": "1d",
        "storage.tsdb.retention.size": "512MB",
        "web.listen-address": f"127.0.0.1:{ports['prometheus']}",
        "enable-feature": "exemplar-storage",
        "log.level": "warn",
    }
    return ["prometheus", *(f"--{name}={value}" for name, value in options.items())]


def write_configuration(folder: Path, ports: Ports) -> None:
    """Write what it reads at its start. JSON is YAML, too."""
    folder.mkdir(exist_ok=True)
    configuration = {
        "global": {
            "scrape_interval": SCRAPED_EVERY,
            "scrape_timeout": SCRAPED_EVERY,
            "evaluation_interval": "15s",
        },
        "rule_files": [str(RULES / "*.yaml")],
        "scrape_configs": scrape_configs(ports),
    }
    text = json.dumps(configuration, indent=1)
    _configuration_file(folder).write_text(text, encoding="utf-8")


def scrape_configs(ports: Ports) -> list[dict[str, Any]]:
    """Every process of ours by its service, and the broker."""
    return [*_processes(ports), *_broker(ports["rabbitmq-metrics"])]


def _processes(ports: Ports) -> Iterator[dict[str, Any]]:
    for service in SERVICES:
        targets = [
            {
                "targets": [f"127.0.0.1:{ports[f'{service.name}/{process}']}"],
                "labels": {"process": process},
            }
            for process in service.processes
        ]
        yield {"job_name": f"crm-{service.name}", "static_configs": targets}


def _broker(port: int) -> Iterator[dict[str, Any]]:
    """Its own page, and the one of its queues: one job, told apart by the path."""
    for name, path, parameters in (
        ("rabbitmq", "/metrics", {}),
        ("rabbitmq-queues", "/metrics/detailed", {"family": QUEUE_FAMILIES}),
    ):
        labels = {"job": "rabbitmq", "metrics_path": path}
        yield {
            "job_name": name,
            "metrics_path": path,
            "params": parameters,
            "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": labels}],
        }


def _configuration_file(folder: Path) -> Path:
    return folder / "prometheus.yaml"
