"""How the page writes figures for people. What is not known is a dash."""

from datetime import datetime

from crm_gateway.ops.overview import Number, OpsOverview, OpsProblem
from crm_gateway.ops.rules import spell

UNKNOWN = "–"


def rate(value: Number) -> str:
    """`12.3/s`; what happens less than once in ten seconds by the minute."""
    if value is None:
        return UNKNOWN
    if 0 < value < 0.1:
        return f"{value * 60:.2g}/min"
    return f"{_short(value)}/s"


def share(value: Number) -> str:
    """`0.05 %`: small shares are told as exactly as large ones."""
    if value is None:
        return UNKNOWN
    percent = value * 100
    if percent in (0, 100):
        return f"{percent:.0f} %"
    return f"{percent:.2g} %" if percent < 99 else f"{percent:.2f} %"


def seconds(value: Number) -> str:
    """`32 ms`, `1.2 s`, `4 min 34 s`."""
    if value is None:
        return UNKNOWN
    if value >= 60:
        return spell(value)
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def age(value: Number) -> str:
    """`3 min 12 s`."""
    return UNKNOWN if value is None else spell(value)


def count(value: Number) -> str:
    """`12 345`, with a narrow space that does not break."""
    return UNKNOWN if value is None else f"{value:,.0f}".replace(",", "\u202f")


def clock(moment: datetime | None) -> str:
    """`02:13:05 UTC`."""
    return UNKNOWN if moment is None else f"{moment:%H:%M:%S} UTC"


def day_and_clock(moment: datetime | None) -> str:
    """`2026-11-29 02:13:05 UTC`."""
    return UNKNOWN if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def since(problem: OpsProblem, now: datetime) -> str:
    """Since when it is so, and how long that is."""
    if problem.since is None:
        return "since when is not known"
    seen = "seen since" if problem.is_since_seen else "since"
    length = spell((now - problem.since).total_seconds())
    same_day = problem.since.date() == now.date()
    return f"{seen} {(clock if same_day else day_and_clock)(problem.since)}, {length}"


def state(overview: OpsOverview) -> str:
    """How it all stands, in two or three words."""
    if overview.is_well is None:
        return "nothing known"
    many = len(overview.problems)
    if not many:
        return "all well"
    return f"{many} problem{'s' if many > 1 else ''}"


def _short(value: float) -> str:
    if value >= 100:
        return count(value)
    return f"{value:.1f}" if value else "0"
