"""As much of PromQL as our checks have to understand."""

import re

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACES = re.compile(r"\{[^{}]*\}")
_RANGE = re.compile(r"\[[^\[\]]*\]")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
_NAME = re.compile(r"(?<![\w.:$])[a-zA-Z_:][a-zA-Z0-9_:]*+(?!\s*\()")
_OPERATORS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}
_MATCHING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
# These may stand apart from their bracket: `sum by (job) (...)`.
_AGGREGATIONS = {"sum", "min", "max", "avg", "count", "topk", "bottomk", "quantile", "group"}
_WORDS = _OPERATORS | _MATCHING | _AGGREGATIONS
_COUNTER = re.compile(r".*_(?:total|bucket|count|sum)")
_RATES = r"\b(?:rate|increase)\(\s*"
# What stands for a variable of Grafana where Prometheus has to read the expression.
_VALUES = {"$__rate_interval": "5m", "$__range": "1h", "$__interval": "1m"}


def metric_names(expression: str) -> set[str]:
    """The names of all metrics in an expression."""
    rest = _RANGE.sub("", _without_matchers(expression))
    return set(_NAME.findall(_LABELS.sub("", rest))) - _WORDS


def bare_counters(expression: str) -> set[str]:
    """Counters whose value is used as it is: it says only how long a process has run."""
    rest = _without_matchers(expression)
    rated = set(re.findall(rf"{_RATES}([\w:]+)\s*\[", rest))
    return {name for name in metric_names(expression) if _COUNTER.fullmatch(name)} - rated


def ranges(expression: str) -> set[str]:
    """The windows that an expression looks at: `5m`, `$__rate_interval`."""
    return {found[1:-1] for found in _RANGE.findall(_STRING.sub('""', expression))}


def variables(expression: str) -> set[str]:
    """The variables of a dashboard that an expression uses, without Grafana's own."""
    return set(re.findall(r"\$(?!__)\{?(\w+)", expression))


def with_values(expression: str) -> str:
    """The expression with something in place of each variable."""
    for name, value in _VALUES.items():
        expression = expression.replace(name, value)
    return re.sub(r"\$\{?\w+\}?", ".*", expression)


def _without_matchers(expression: str) -> str:
    return _BRACES.sub("", _STRING.sub('""', expression))
