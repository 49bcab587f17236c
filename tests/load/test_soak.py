"""Under an even load nothing grows that may not, and nobody waits longer at the end."""

import json
import random
import time
import uuid
from collections import deque
from contextlib import contextmanager
from math import inf
from pathlib import Path
from statistics import median
from threading import Event

import pytest
from load.pace import Pace
from load.watch import Watch, queued, sizes, unbounded

from crm_chassis.testing.waiting import wait_until

CHANGES, VIEWS = 100, 20  # a second
CLIENTS = 8
# Each customer is somebody new for a while, as in life: what is known of one has an end.
CUSTOMERS = 400
# The events of a second or two may be on their way.
UNDER_WAY = 500
FULL_LENGTH, SHORT_LENGTH = 20 * 60.0, 15.0
# MiB a minute, and how many times the latency of the beginning. At full length; a short run has a
# lighter load, because others work beside it, and shows what is grossly wrong.
MOST_GROWTH, MOST_LATER = 1.0, 1.2
LIGHTER, SHORT_GROWTH, SHORT_LATER = 0.2, 60.0, 50.0
RESULTS = Path(__file__).parents[2] / "bench/results/soak.json"


@pytest.fixture(scope="module")
def customers(suite):
    client = suite.client()
    names = (
        client.post("/v1/contacts", {"givenName": "Soak", "familyName": str(number)}).ok()["name"]
        for number in range(CUSTOMERS // 10)
    )
    return deque(names, CUSTOMERS)


def test_a_long_load_leaves_memory_queues_files_and_latency_as_they_were(suite, customers, scale):
    length = FULL_LENGTH * scale / 20 if scale >= 20 else SHORT_LENGTH
    is_full = length >= FULL_LENGTH
    share = 1 if is_full else LIGHTER
    change, view = (
        Pace(_change(customers), CHANGES * share),
        Pace(_view(customers), VIEWS * share),
    )

    with _at_work(suite, change, view):
        time.sleep(length / 20)  # caches fill
        watch, before, begun = Watch(suite), sizes(suite), time.monotonic()
        while time.monotonic() < begun + length:
            watch.look()
            time.sleep(length / 100)
        ended = time.monotonic()
        under_way = sum(queued(suite).values())

    figures = _figures(watch, {"changes": change, "views": view}, begun, ended)
    if is_full:
        RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    assert figures["rate"]["changes"] > 0.95 * change.rate, figures
    assert figures["rate"]["views"] > 0.95 * view.rate, figures
    assert max(figures["later"].values()) < (MOST_LATER if is_full else SHORT_LATER), figures
    assert max(figures["growth"].values()) < (MOST_GROWTH if is_full else SHORT_GROWTH), figures
    assert max(figures["files"].values()) <= CLIENTS, figures
    assert under_way < UNDER_WAY
    assert unbounded(suite, before) == {}
    wait_until(lambda: not queued(suite), 30, 0.5, "the queues to be empty")


@contextmanager
def _at_work(suite, *paces):
    """Both kinds of clients work within the block, and none of them fails."""
    stop = Event()
    threads = [
        thread
        for pace in paces
        for thread in pace.begin([suite.client() for _ in range(CLIENTS)], stop)
    ]
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    for pace in paces:
        assert not pace.failures, pace.failures[0]


def _figures(watch, paces, begun, ended):
    """Requests a second, how much later the last twentieth was, MiB a minute, open files."""
    minute = (ended - begun) / 20
    first, last = (begun, begun + minute), (ended - minute, ended)
    return {
        "seconds": round(ended - begun),
        "rate": {
            name: len(pace.between(begun, ended)) / (ended - begun) for name, pace in paces.items()
        },
        "later": {
            name: _median(pace, *last) / _median(pace, *first) for name, pace in paces.items()
        },
        "milliseconds": {name: 1000 * _median(pace, begun, ended) for name, pace in paces.items()},
        "growth": watch.slopes(),
        "files": watch.handle_growth(),
    }


def _median(pace, start, end):
    """Of the seconds that requests took; without end where none of them was answered."""
    seconds = pace.between(start, end)
    return median(seconds) if seconds else inf


def _change(customers):
    """Something that happens to a customer: most often talk, now and then a new one or a deal."""

    def change(client):
        customer, drawn = random.choice(customers), random.random()
        word = uuid.uuid4().hex
        if drawn < 0.1:
            made = client.post("/v1/contacts", {"givenName": "Soak", "familyName": word}).ok()
            customers.append(made["name"])
        elif drawn < 0.2:
            told = {"displayName": word, "contacts": [{"contact": customer}]}
            client.post("/v1/deals", told).ok()
        elif drawn < 0.3:
            client.post("/v1/cases", {"subject": word, "contact": customer}).ok()
        else:
            said = {"channel": "PHONE", "direction": "INBOUND", "subject": word}
            client.post(f"/v1/{customer}/interactions", said).ok()

    return change


def _view(customers):
    def view(client):
        client.get(f"/v1/{random.choice(customers)}:customerView").ok()

    return view
