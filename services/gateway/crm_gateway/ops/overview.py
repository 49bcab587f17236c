"""What `/ops` tells, as its page and its JSON show it. A figure that nobody knows is null."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel


def rfc3339(moment: datetime) -> str:
    """An instant as every answer of the API writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


# In UTC.
Instant = Annotated[
    datetime,
    PlainSerializer(rfc3339, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
Number = float | None
Points = Sequence[tuple[float, float]]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class OpsSource(_Part):
    """Where the figures come from."""

    kind: Literal["PROMETHEUS", "METRICS", "NONE"] = Field(description="`NONE`: nobody answers.")
    since: Instant | None = Field(description="Since when this source has been used.")
    rates: str = Field(description="Over which time rates and percentiles are taken.")
    counts: str = Field(description="Since when things are counted.")
    remarks: Sequence[str] = Field(description="What the reader must know of the figures.")


class OpsProblem(_Part):
    """Something that is wrong."""

    name: str = Field(description="The alert that fires, or the runbook's name.")
    origin: Literal["ALERT", "FIGURES"] = Field(
        description="`FIGURES`: the figures show it, whether or not an alert fires."
    )
    severity: str = Field(description="`page` or `ticket`, or what the alert says.")
    subject: str = Field(description="What it is about: a service, a queue, a process.")
    summary: str = Field(description="A sentence for people.")
    since: Instant | None = Field(description="Since when.")
    is_since_seen: bool = Field(
        description="Whether `since` is when it was first seen here: it may have begun before."
    )
    action: str = Field(description="The command to begin with.")
    runbook: str = Field(description="The page that tells more, in the project or by its address.")


class OpsServed(_Part):
    """Whether customers are served: calls below `/v1`."""

    requests_per_second: Number
    server_error_ratio: Number = Field(description="The share answered with 5xx.")
    read_seconds: Number = Field(description="95 % of reads took no longer.")
    view_seconds: Number = Field(description="95 % of customer views took no longer.")
    full_view_ratio: Number = Field(description="The share of customer views that were complete.")
    partial_sections: Sequence["OpsSection"]


class OpsSection(_Part):
    """A section of customer views that is not always there."""

    section: str
    outcome: str
    reason: str
    per_second: float


class OpsLedgerSource(_Part):
    """What was accepted from a source in the last day, and what of it is missing."""

    source: str
    accepted: Number
    missing: Number
    check_time: Instant | None = Field(description="Up to when the ledger has been checked.")


class OpsOutbox(_Part):
    """A service's events on their way to the broker."""

    service: str
    recorded_per_second: Number
    published_per_second: Number
    pending: Number
    oldest_seconds: Number = Field(description="How long the oldest event has waited.")
    blocked_resources: Number
    is_broker_blocked: bool | None


class OpsConsumer(_Part):
    """A subscription."""

    consumer: str
    handled_per_second: Number
    retries_per_second: Number
    dead_per_second: Number
    progress_seconds: Number = Field(description="How long ago it last got on.")
    delay_seconds: Number = Field(description="95 % of changes took effect here in that time.")


class OpsDeadLetters(_Part):
    """The dead letters of a queue."""

    queue: str
    waiting: Number
    oldest_seconds: Number
    parked: Number


class OpsMessaging(_Part):
    """How events travel: recorded, published, handled."""

    recorded_per_second: Number
    published_per_second: Number
    handled_per_second: Number
    pending: Number
    oldest_seconds: Number
    dead_letters_waiting: Number
    outboxes: Sequence[OpsOutbox]
    consumers: Sequence[OpsConsumer]
    dead_letters: Sequence[OpsDeadLetters]


class OpsProcess(_Part):
    """A process that is, or ought to be, running."""

    process: str
    instance: str
    is_up: bool
    last_up_time: Instant | None = Field(description="When one that is away last answered.")


class OpsService(_Part):
    """A service and its processes."""

    service: str
    processes: Sequence[OpsProcess]
    rpcs_per_second: Number
    fault_ratio: Number = Field(description="The share of RPCs that failed by our fault.")
    rpc_seconds: Number = Field(description="95 % of RPCs took no longer.")


class OpsDependency(_Part):
    """Something that processes need, and how many it answers."""

    dependency: str
    up: int
    of: int
    lacking: Sequence[str] = Field(description="The processes that it does not answer.")


class OpsBreaker(_Part):
    """A circuit breaker: whether a service is asked."""

    target: str
    asker: str
    state: Literal["CLOSED", "HALF_OPEN", "OPEN"]


class OpsCount(_Part):
    """So many of a kind."""

    kind: str
    count: float


class OpsBusiness(_Part):
    """What the installation is for."""

    contacts_captured: Number
    imported_rows: Sequence[OpsCount]
    breached_cases: Sequence[OpsCount]
    deliveries: Sequence[OpsCount]


class OpsOverview(_Part):
    """How the installation does."""

    time: Instant
    source: OpsSource
    is_well: bool | None = Field(description="Whether nothing is wrong; null when nobody knows.")
    problems: Sequence[OpsProblem]
    served: OpsServed
    ledger: Sequence[OpsLedgerSource]
    messaging: OpsMessaging
    services: Sequence[OpsService]
    dependencies: Sequence[OpsDependency]
    breakers: Sequence[OpsBreaker]
    business: OpsBusiness
    past: dict[str, Points] = Field(
        description="The last hour of some figures: seconds since 1970, and the value then."
    )


def schemas() -> dict[str, Any]:
    """The JSON schemas of all of it, by name."""
    schema = OpsOverview.model_json_schema(
        mode="serialization", ref_template="#/components/schemas/{model}"
    )
    parts: dict[str, Any] = schema.pop("$defs")
    return {name: _plain(one) for name, one in {**parts, OpsOverview.__name__: schema}.items()}


def _plain(schema: Any) -> Any:
    """The schema without the titles that pydantic makes of the fields' names."""
    if isinstance(schema, dict):
        return {
            name: _plain(one)
            for name, one in schema.items()
            if name != "title" or not isinstance(one, str)
        }
    return [_plain(one) for one in schema] if isinstance(schema, list) else schema
