"""Gauges that the database is asked for whenever somebody asks for the metrics."""

from collections.abc import Callable
from functools import partial
from math import nan

from prometheus_client import Gauge

from crm_chassis.mongo.failures import PROBE_SECONDS, time_limit


def ask_when_scraped(gauge: Gauge, question: Callable[[], float]) -> None:
    """Let the gauge, or one of its series, tell what the database answers at that moment."""
    gauge.set_function(partial(_answer, question))


def _answer(question: Callable[[], float]) -> float:
    """What is answered; not a number while the database does not tell."""
    try:
        with time_limit(PROBE_SECONDS):
            return question()
    except Exception:  # noqa: BLE001 - whatever it is, all other metrics are still told
        return nan
