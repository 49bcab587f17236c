"""What the processes of a running suite tell of themselves."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from crm_chassis.testing.suite import Suite
from stack.programs import processes

Scrape = Mapping[str, Metric]


def scrape_all(suite: Suite) -> dict[str, Scrape]:
    """The families of each process that have samples, by the process and the name in queries."""
    urls = suite.env["CRM_METRICS_URLS"].split(",")
    with ThreadPoolExecutor(8) as pool:
        scrapes = pool.map(lambda url: dict(_families(url)), urls)
        return dict(zip(processes(), scrapes, strict=True))


def count_series(scrape: Scrape) -> int:
    """How many series a process tells."""
    return sum(len(family.samples) for family in scrape.values())


def _families(url: str) -> Iterator[tuple[str, Metric]]:
    with urlopen(url, timeout=60) as answer:
        text = answer.read().decode()
    for family in text_string_to_metric_families(text):
        if family.samples:
            name = f"{family.name}_total" if family.type == "counter" else family.name
            yield name, family
