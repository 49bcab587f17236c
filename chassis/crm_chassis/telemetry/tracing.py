"""One trace from the first request to the last reaction: W3C trace contexts and the spans in them.

Spans are recorded only where OTEL_EXPORTER_OTLP_ENDPOINT is set; contexts are always taken up and
passed on. https://www.w3.org/TR/trace-context/
"""

import os
import random
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Literal

from crm_chassis.kernel.errors import Refusal

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import SpanContext, Tracer

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int | float | bool]
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
# How long the last spans may take to be sent.
STOP_WITHIN = 2.0
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_SAMPLED = 0x01

_current: ContextVar[str] = ContextVar("traceparent", default="")
# The id of the trace that is about to begin.
_drawn: ContextVar[int] = ContextVar("drawn", default=0)


@dataclass(frozen=True, slots=True)
class _Recording:
    """What records spans, where tracing is on."""

    provider: "TracerProvider"
    tracer: "Tracer"
    sampler: "Sampler"
    # Whether the sampler leaves out every span of a trace that its beginning left out.
    heeds_parents: bool

    def leaves_out(self, parent: str, name: str, trace: int) -> bool:
        """Whether a span is not recorded, as far as that is known before it is made.

        To make one that is not recorded costs several times as much as to ask.
        """
        if not self.heeds_parents:
            return False
        if parent:
            return not is_sampled(parent)
        return self.sampler.should_sample(None, trace, name).decision.name == "DROP"


class _Switch:
    recording: _Recording | None = None


def start_tracing(service: str, process: str) -> None:
    """Record spans from now on, if there is somewhere to send them.

    To be called in the process that makes the spans, after any fork.
    """
    if not os.environ.get(ENDPOINT):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    from opentelemetry.sdk.trace.sampling import ParentBased

    class DrawnIds(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return _drawn.get() or super().generate_trace_id()

    names = {"service.name": f"crm-{service}", "service.instance.id": f"{process}-{os.getpid()}"}
    resource, ids = Resource.create(names), DrawnIds()
    provider = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer, sampler = provider.get_tracer("crm_chassis"), provider.sampler
    _Switch.recording = _Recording(provider, tracer, sampler, isinstance(sampler, ParentBased))


def stop_tracing() -> None:
    """Send what is left and record no more.

    While nobody takes it the exporter tries again and again: the process ends without it.
    """
    recording, _Switch.recording = _Switch.recording, None
    if recording is not None:
        ending = Thread(target=recording.provider.shutdown, name="tracing", daemon=True)
        ending.start()
        ending.join(STOP_WITHIN)


def new_traceparent() -> str:
    """The context of a new trace that nobody records yet."""
    return _unrecorded(_new_trace())


def is_traceparent(text: str) -> bool:
    """Whether the text is a context that can be continued."""
    found = _TRACEPARENT.fullmatch(text)
    return found is not None and found[1] != _NO_TRACE and found[2] != _NO_SPAN


def trace_id_of(traceparent: str) -> str:
    """The id of the trace in 32 hexadecimal digits; empty without a trace."""
    return traceparent[3:35]


def is_sampled(traceparent: str) -> bool:
    """Whether the spans of this trace are recorded."""
    return bool(traceparent) and bool(int(traceparent[-2:], 16) & _SAMPLED)


def current_traceparent() -> str:
    """The context of what is being done now; empty outside of any span."""
    return _current.get()


def continue_trace(traceparent: str) -> None:
    """Be inside this trace from here on: where a whole context belongs to one call."""
    _current.set(traceparent)


@dataclass(frozen=True, slots=True)
class Span:
    """Something that is being done inside a trace; `traceparent` is what to hand on from it."""

    traceparent: str
    recorded: "OtelSpan | None" = None

    def end(self, error: BaseException | None = None) -> None:
        """It is done, or failed with this error."""
        if self.recorded is not None:
            if error is not None:
                _mark_failed(self.recorded, error)
            self.recorded.end()


def begin_span(
    name: str,
    *,
    traceparent: str = "",
    kind: Kind = "internal",
    attributes: Attributes | None = None,
    follows: str = "",
) -> Span:
    """Begin something inside a trace; whoever begins it ends it.

    It continues `traceparent`, else what is being done now, else begins a trace. `follows` is the
    context of something that led to it without holding it (a retry, a replay): a link.
    """
    parent = traceparent if is_traceparent(traceparent) else _current.get()
    recording = _Switch.recording
    if recording is None:
        return Span(parent or new_traceparent())
    trace = 0 if parent else _new_trace()
    if recording.leaves_out(parent, name, trace):
        return Span(parent or _unrecorded(trace))
    token = _drawn.set(trace)
    try:
        recorded = _begin(recording.tracer, name, kind, attributes, (parent, follows))
    finally:
        _drawn.reset(token)
    return Span(_traceparent_of(recorded), recorded)


@contextmanager
def span(
    name: str,
    *,
    traceparent: str = "",
    kind: Kind = "internal",
    attributes: Attributes | None = None,
    follows: str = "",
) -> Iterator[str]:
    """Do something inside a trace, as `begin_span`; gives the context to hand on from within."""
    begun = begin_span(
        name, traceparent=traceparent, kind=kind, attributes=attributes, follows=follows
    )
    token = _current.set(begun.traceparent)
    try:
        yield begun.traceparent
    except BaseException as error:
        begun.end(error)
        raise
    else:
        begun.end()
    finally:
        _current.reset(token)


def _new_trace() -> int:
    return random.getrandbits(128) or 1


def _unrecorded(trace: int) -> str:
    return f"00-{trace:032x}-{random.getrandbits(64) or 1:016x}-00"


def _begin(
    tracer: "Tracer",
    name: str,
    kind: Kind,
    attributes: Attributes | None,
    causes: tuple[str, str],
) -> "OtelSpan":
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, NonRecordingSpan, SpanKind, set_span_in_context

    parent, follows = causes
    context = Context()
    if parent:
        context = set_span_in_context(NonRecordingSpan(_span_context(parent)), context)
    links = [Link(_span_context(follows))] if is_traceparent(follows) else []
    return tracer.start_span(name, context, SpanKind[kind.upper()], dict(attributes or {}), links)


def _span_context(traceparent: str) -> "SpanContext":
    from opentelemetry.trace import SpanContext, TraceFlags

    _, trace, parent, flags = traceparent.split("-")
    marks = TraceFlags(int(flags, 16))
    return SpanContext(int(trace, 16), int(parent, 16), is_remote=True, trace_flags=marks)


def _traceparent_of(recorded: "OtelSpan") -> str:
    context = recorded.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _mark_failed(recorded: "OtelSpan", error: BaseException) -> None:
    from opentelemetry.trace import Status, StatusCode

    # The words of an error may quote a person's data; its class cannot.
    recorded.set_attribute("error.type", type(error).__name__)
    if not isinstance(error, Refusal):
        recorded.set_status(Status(StatusCode.ERROR))
