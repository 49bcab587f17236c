"""Logs as JSON lines that say who, where and in which trace, and hold no personal data.

Our own events keep only keys that are known to be safe. What libraries say is kept as they word it,
less what looks like a person's; of an error whose words may quote data, only the class is kept.
"""

import contextlib
import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

from crm_chassis.memory import hidden
from crm_chassis.telemetry.context import current_call
from crm_chassis.telemetry.tracing import current_traceparent, trace_id_of

# What paints consoles is an eighth of all that a process would import.
with hidden("rich", "colorama"):
    import structlog

Entry = MutableMapping[str, Any]

# What our own log events may tell. Names of resources are ids; nothing here is a person's.
# fmt: off
SAFE_KEYS = frozenset(
    {
        "address", "attempt", "attempts", "batch", "bucket", "code", "collection", "command",
        "consumer", "count", "delay", "document", "duration", "error", "event", "event_id",
        "event_type", "exchange", "grace", "kind", "level", "logger", "method", "migration",
        "name", "operation", "outcome", "partition", "peer", "pid", "port", "principal",
        "process", "queue", "reason", "request_id", "route", "routing_key", "sequence",
        "service", "signal", "size", "span_id", "stack", "state", "status", "subject", "target",
        "time", "timer", "trace_id", "version",
    }
)
# fmt: on
# Errors whose words come from the system or the interpreter, never from a document.
# fmt: off
PLAIN_ERRORS = frozenset(
    {
        "AttributeError", "ImportError", "NameError", "NotImplementedError",
        "OSError", "Refusal", "ConnectionFailure", "AMQPError",
    }
)
# fmt: on
_PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\+\d[\d ()/-]{6,}\d|\b\d{9,15}\b|(?<=://)[^/@\s]+@"
)
_FRAMES = 12


def _keep_safe_keys(_logger: Any, _method: str, entry: Entry) -> Entry:
    return {
        key: value
        for key, value in entry.items()
        if key in SAFE_KEYS or key in ("exc_info", "stack_info")
    }


# Also before `start_logging`, and in tests: the standard library's handlers let one thread write
# at a time. Two that print to a stream that a third one reads can crash the interpreter.
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _keep_safe_keys,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


def start_logging(service: str, process: str, level: str = "INFO") -> None:
    """Write this process's logs, and those of its libraries, to the standard output."""
    root = logging.getLogger()
    root.handlers[:] = [_handler(sys.stdout, {"service": service, "process": process})]
    root.setLevel(level)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module. Its events are past tenses, what they tell are keys of SAFE_KEYS."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound


def _handler(stream: TextIO, fixed: Mapping[str, str]) -> logging.Handler:
    def add_place(_logger: Any, _method: str, entry: Entry) -> Entry:
        return {**fixed, **entry}

    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                _word_foreign,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _tell_error,
                _add_context,
                add_place,
                structlog.processors.TimeStamper(fmt="iso", key="time"),
                structlog.processors.JSONRenderer(),
            ],
            pass_foreign_args=True,
            use_get_message=False,
        )
    )
    return handler


def _add_context(_logger: Any, _method: str, entry: Entry) -> Entry:
    try:
        call = current_call()
    except LookupError:
        pass
    else:
        entry["request_id"] = call.request_id
        entry["principal"] = call.principal.name
        entry["trace_id"] = trace_id_of(call.traceparent)
    if context := current_traceparent():
        entry["trace_id"] = trace_id_of(context)
    return entry


def _word_foreign(_logger: Any, _method: str, entry: Entry) -> Entry:
    """A library's sentence: errors in it by their class, addresses and numbers blanked."""
    arguments = entry.pop("positional_args", ())
    if isinstance(arguments, tuple):
        arguments = tuple(_class_of_error(argument) for argument in arguments)
    sentence = str(entry["event"])
    with contextlib.suppress(TypeError, ValueError):
        sentence = sentence % arguments if arguments else sentence
    entry["event"] = redacted(sentence)
    return entry


def _class_of_error(argument: Any) -> Any:
    return type(argument).__name__ if isinstance(argument, BaseException) else argument


def redacted(text: str) -> str:
    """The text without e-mail addresses, telephone numbers and user parts of addresses."""
    return _PERSONAL.sub("…", text)


def _tell_error(_logger: Any, _method: str, entry: Entry) -> Entry:
    """The error that is being handled: class, words where they are plain, and where it happened."""
    error = _error_of(entry.pop("exc_info", None))
    entry.pop("stack_info", None)
    if error is not None:
        entry["error"] = describe(error)
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        entry["stack"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return entry


def _error_of(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        found: BaseException | None = given[1]
        return found
    return sys.exc_info()[1] if given else None


def describe(error: BaseException) -> str:
    """What may be said of an error in a log: its class, and its words if they quote no data."""
    classes = {kind.__name__ for kind in type(error).__mro__}
    name = type(error).__name__
    if classes.isdisjoint(PLAIN_ERRORS):
        return name
    return f"{name}: {redacted(str(error))}"
