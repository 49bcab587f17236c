"""What a source of metrics has shown at one look, in the same terms for each source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from crm_gateway.ops.questions import Answers, Past

SourceKind = Literal["PROMETHEUS", "METRICS", "NONE"]


class SourceAway(Exception):
    """The source shows nothing; says why."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert of Prometheus that fires: about what, and since when (in seconds since 1970)."""

    name: str
    subject: str
    severity: str
    summary: str
    runbook: str
    since: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One look.

    `rates` tells over which time rates are taken, `counts` since when things are counted, both in
    words; `last_up` when a process last answered, by job, process and instance; `remarks` what
    the reader must know of the figures.
    """

    kind: SourceKind
    at: float
    rates: str
    counts: str
    answers: Answers
    past: Past = field(default_factory=dict)
    alerts: Sequence[Alert] = ()
    last_up: Mapping[tuple[str, ...], float] = field(default_factory=dict)
    remarks: Sequence[str] = ()


class Source(Protocol):
    """Somebody who answers the questions."""

    kind: SourceKind

    def look(self) -> Seen:
        """What there is to see now.

        Raises:
            SourceAway: nothing.
        """
        ...
