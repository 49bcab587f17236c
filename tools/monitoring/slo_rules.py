"""Recording rules and burn alerts that follow from a promise."""

from collections.abc import Iterator, Sequence
from typing import Any

from monitoring.places import runbook_of
from monitoring.slo import BURNS, FEW, FEW_BURN, WINDOWS, Burn, Slo

Rule = dict[str, Any]
MONTH = "30d"
# Windows short enough to be asked of the series themselves.
MEASURED = ("5m", "30m", "1h")
WORDS = {"5m": "5 minutes", "1h": "hour", "6h": "6 hours", "1d": "day", "3d": "3 days"}


def groups_of(slos: Sequence[Slo]) -> list[dict[str, Any]]:
    """The groups of rules of all promises."""
    groups: list[dict[str, Any]] = []
    for slo in slos:
        counts = [rule for window in WINDOWS for rule in _counts(slo, window)]
        alerts = [*(_burning(slo, burn) for burn in BURNS), _few(slo), _absent(slo)]
        groups.append({"name": f"slo-{slo.name}", "rules": [*counts, *alerts]})
    budgets = [rule for slo in slos for rule in _budget(slo)]
    groups.append({"name": "slo-budgets", "interval": "1m", "rules": budgets})
    return groups


def _counts(slo: Slo, window: str) -> Iterator[Rule]:
    """Failures and all, and the part that fails: no number while there is nothing."""
    total, failures = _measured(slo, window) if window in MEASURED else _summed(slo, window)
    yield _record(slo, f"slo:sli_total:increase{window}", total)
    yield _record(slo, f"slo:sli_failures:increase{window}", failures)
    yield _record(slo, f"slo:sli_error:ratio_rate{window}", _ratio(slo, window))


def _measured(slo: Slo, window: str) -> tuple[str, str]:
    total, failures = (each.replace("WINDOW", window) for each in (slo.total, slo.failures))
    # What has not failed yet may have no series.
    apart = ", ".join(slo.by)
    none = f"0 * sum by ({apart}) ({_series(slo, f'slo:sli_total:increase{window}')})"
    return total, f"{failures} or {none}"


def _summed(slo: Slo, window: str) -> tuple[str, str]:
    """Long windows from five minutes each: days of every series would be read time and again."""
    total, failures = (
        f"sum_over_time({_series(slo, f'slo:sli_{each}:increase5m')}[{window}:5m])"
        for each in ("total", "failures")
    )
    return total, failures


def _ratio(slo: Slo, window: str) -> str:
    failures, total = (
        _series(slo, f"slo:sli_{each}:increase{window}") for each in ("failures", "total")
    )
    return f"{failures} / {total}"


def _burning(slo: Slo, burn: Burn) -> Rule:
    limit = f"{slo.threshold(burn):g}"
    expression = (
        f"{_series(slo, f'slo:sli_error:ratio_rate{burn.long}')} > {limit}\n"
        f"and {_series(slo, f'slo:sli_error:ratio_rate{burn.short}')} > {limit}\n"
        f"and {_series(slo, f'slo:sli_total:increase{burn.long}')} >= {slo.floor(burn)}"
    )
    rule = _alert(slo, expression, burn.severity, burn.long)
    rule["annotations"]["summary"] = (
        f"{_whose(slo)} burns its budget {burn.factor:g} times faster than it may"
    )
    rule["annotations"]["description"] = (
        f"{slo.promise} In the last {WORDS[burn.long]} {{{{ $value | humanizePercentage }}}} "
        f"failed; over 30 days {slo.budget * 100:g} % may."
    )
    return rule


def _few(slo: Slo) -> Rule:
    """With little traffic a part alone says nothing; so many failures as well do."""
    burn = FEW_BURN
    expression = (
        f"{_series(slo, f'slo:sli_failures:increase{burn.long}')} > {FEW - 0.5}\n"
        f"and {_series(slo, f'slo:sli_failures:increase{burn.short}')} > 0\n"
        f"and {_series(slo, f'slo:sli_error:ratio_rate{burn.long}')} > {slo.threshold(burn):g}\n"
        f"and {_series(slo, f'slo:sli_total:increase{burn.long}')} < {slo.floor(burn)}"
    )
    rule = _alert(slo, expression, slo.few, "few")
    rule["annotations"]["summary"] = f"{_whose(slo)} fails again and again, with little traffic"
    rule["annotations"]["description"] = (
        f"{slo.promise} {{{{ $value | humanize }}}} failed in the last {WORDS[burn.long]}, of "
        f"fewer than {slo.floor(burn)}."
    )
    return rule


def _absent(slo: Slo) -> Rule:
    when = f"\nand on () {slo.active}" if slo.active else ""
    return {
        "alert": "SliAbsent",
        "expr": f"absent({slo.measured}){when}",
        "for": "15m",
        "labels": {"severity": "ticket", "team": "crm", "slo": slo.name},
        "annotations": {
            "summary": f"Nothing measures {slo.name}",
            "description": (
                f"{slo.promise} Whether that holds is not known: its series are missing "
                "({{ $value | humanize }} of 1)."
            ),
            "runbook_url": runbook_of("SliAbsent"),
            "dashboard_url": "/d/crm-overview",
        },
    }


def _budget(slo: Slo) -> Iterator[Rule]:
    """What is left of a budget; weighted by traffic as the promise is."""
    yield _record(slo, "slo:objective:ratio", f"vector({slo.objective:g})")
    total, failures = _summed(slo, MONTH)
    yield _record(slo, f"slo:sli_error:ratio_rate{MONTH}", f"{failures} / {total}")
    spent = f"{_series(slo, f'slo:sli_error:ratio_rate{MONTH}')} / {slo.budget:g}"
    yield _record(slo, "slo:error_budget:remaining_ratio", f"1 - {spent}")


def _record(slo: Slo, name: str, expression: str) -> Rule:
    return {"record": name, "expr": expression, "labels": {"slo": slo.name}}


def _alert(slo: Slo, expression: str, severity: str, window: str) -> Rule:
    return {
        "alert": slo.alert,
        "expr": expression,
        "keep_firing_for": "5m",
        "labels": {"severity": severity, "team": "crm", "window": window},
        "annotations": {
            "runbook_url": runbook_of(slo.alert),
            "dashboard_url": f"/d/{slo.dashboard}",
        },
    }


def _series(slo: Slo, name: str) -> str:
    return f'{name}{{slo="{slo.name}"}}'


def _whose(slo: Slo) -> str:
    """The promise in words, of one of those that are told apart."""
    apart = "".join(f" of {{{{ $labels.{label} }}}}" for label in slo.by)
    return f"{slo.name.replace('-', ' ').capitalize()}{apart}"
