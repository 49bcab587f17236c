"""A process with this on its path keeps no metrics and no traces while a file is there."""

import os
import sys
import time
from pathlib import Path
from threading import Thread

EVERY = 0.05


def _nothing(*_args: object, **_kwargs: object) -> None:
    """Take no note."""


def _heed(switch: Path) -> None:
    from prometheus_client import Counter, Gauge, Histogram

    from crm_chassis.telemetry import metrics
    from crm_chassis.telemetry.tracing import _Switch

    words = {Counter: ("inc",), Gauge: ("inc", "dec", "set"), Histogram: ("observe",)}
    places = [(kind, word) for kind, each in words.items() for word in each]
    places += [(metrics, "observe"), (_Switch, "recording")]
    noted = None
    while True:
        time.sleep(EVERY)
        if switch.exists() == (noted is not None):
            continue
        if noted is None:
            noted = [getattr(*place) for place in places]
            told = [*[_nothing] * (len(places) - 1), None]
        else:
            noted, told = None, noted
        for place, what in zip(places, told, strict=True):
            setattr(*place, what)


def _begin() -> None:
    switch = Path(os.environ["CRM_BENCH_SWITCH"])
    Thread(target=_heed, args=(switch,), daemon=True).start()


# A consumer wants to be patched for green threads before anything is imported; nobody asks it.
if {"-m", "api"} <= set(sys.orig_argv):
    _begin()
    os.register_at_fork(after_in_child=_begin)
