"""What a measure is, and how it is taken: the median of five runs, its yardstick's in between."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RUNS = 5
LONG_RUN = 30.0
Run = Callable[[], float]


@dataclass(frozen=True)
class Measure:
    """One line of the table.

    `at_least` and `aim` bound the ratio where there is a yardstick, else the value itself;
    `lower_is_better` turns them round (seconds, memory, CPU).
    """

    name: str
    unit: str
    run: Run
    yardstick: str = ""
    run_yardstick: Run | None = None
    at_least: float | None = None
    aim: float | None = None
    lower_is_better: bool = False


def take(measure: Measure, full: bool) -> dict[str, Any]:
    """Run the measure and its yardstick in turns; the line of the table with the medians."""
    values, yardsticks = [], []
    for _ in range(RUNS):
        started = time.monotonic()
        values.append(measure.run())
        if measure.run_yardstick is not None:
            yardsticks.append(measure.run_yardstick())
        if time.monotonic() - started > LONG_RUN and not full:
            break
    value = statistics.median(values)
    yardstick = statistics.median(yardsticks) if yardsticks else None
    ratio = value / yardstick if yardstick else None
    return {
        "measure": measure.name,
        "value": _rounded(value),
        "unit": measure.unit,
        "runs": len(values),
        "yardstick": {"name": measure.yardstick, "value": _rounded(yardstick)}
        if yardstick is not None
        else None,
        "ratio": _rounded(ratio),
        "atLeast": measure.at_least,
        "aim": measure.aim,
        "ok": _is_ok(measure, value if ratio is None else ratio),
    }


def _is_ok(measure: Measure, value: float) -> bool | None:
    if measure.at_least is None:
        return None
    if measure.lower_is_better:
        return value <= measure.at_least
    return value >= measure.at_least


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
