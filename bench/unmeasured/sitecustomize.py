"""What a process with this on its path counts, measures and sets is lost: the cost of none."""

import sys


def _nothing(*_args: object, **_kwargs: object) -> None:
    """Take no note."""


def _take_no_notes() -> None:
    from prometheus_client import Counter, Gauge, Histogram

    from crm_chassis.telemetry import metrics

    words = {Counter: ("inc",), Gauge: ("inc", "dec", "set"), Histogram: ("observe",)}
    for kind, each in words.items():
        for word in each:
            setattr(kind, word, _nothing)
    metrics.observe = _nothing


# A consumer wants to be patched for green threads before anything is imported; nobody asks it.
if {"-m", "api"} <= set(sys.orig_argv):
    _take_no_notes()
