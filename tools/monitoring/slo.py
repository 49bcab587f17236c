"""What is promised to users, as deploy/observability/slo.yaml says it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

# So many failures are the fewest that anybody is told of.
FEW = 5
# Of fewer than so many a part says little.
FEWEST = 100


@dataclass(frozen=True)
class Burn:
    """A budget that goes `factor` times too fast, over a long window and still in a short one.

    The four are those of Google's Site Reliability Workbook, chapter 5: 2 % of a budget of 30 days
    within an hour, 5 % within six, 10 % within a day and within three.
    """

    factor: float
    long: str
    short: str
    severity: str


BURNS = (
    Burn(14.4, "1h", "5m", "page"),
    Burn(6, "6h", "30m", "page"),
    Burn(3, "1d", "2h", "ticket"),
    Burn(1, "3d", "6h", "ticket"),
)
# The burn that a few failures stand for where there is little traffic.
FEW_BURN = BURNS[1]
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True)
class Slo:
    """One promise: how it is measured, and what is told when it breaks."""

    name: str
    alert: str
    promise: str
    objective: float
    by: tuple[str, ...]
    total: str
    failures: str
    measured: str
    active: str
    few: str
    dashboard: str

    @property
    def budget(self) -> float:
        """The part that may fail."""
        return round(1 - self.objective, 6)

    def threshold(self, burn: Burn) -> float:
        """The part that fails when the budget burns so fast."""
        return round(burn.factor * self.budget, 6)

    def floor(self, burn: Burn) -> int:
        """So many there must be in the long window before a part of them says anything."""
        return max(FEWEST, math.ceil(FEW / self.threshold(burn)))


def read_slos(path: Path) -> list[Slo]:
    """All promises of the file, in its order."""
    return [_slo(entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]


def _slo(entry: dict[str, Any]) -> Slo:
    by = tuple(entry.get("by", ()))
    failures = entry.get("failures") or f"({entry['total']} - {entry['fast']})"
    return Slo(
        name=entry["name"],
        alert=entry["alert"],
        promise=entry["promise"],
        objective=entry["objective"],
        by=by,
        total=entry["total"],
        failures=failures,
        measured=entry["measured"],
        active=entry.get("active", ""),
        few=entry["few"],
        dashboard=entry["dashboard"],
    )
