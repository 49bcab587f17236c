"""Logs: one JSON object a line, and nothing of a person in it."""

import io
import json
import logging
import subprocess
import sys

import pytest

from crm_chassis.telemetry.context import call_scope
from crm_chassis.telemetry.logging import logger, redacted, start_logging
from crm_chassis.telemetry.tracing import span
from crm_chassis.testing.calls import a_call, a_principal

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def lines(monkeypatch):
    """What has been written since, as objects."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    start_logging("contacts", "api", "INFO")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def test_a_line_tells_who_where_and_in_which_trace(lines):
    principal = a_principal()
    call = a_call(principal)

    with call_scope(call), span("work", traceparent=TRACE):
        logger("crm.test").info("row stored", collection="contacts")

    (line,) = lines()
    assert line["event"] == "row stored"
    assert (line["service"], line["process"], line["level"]) == ("contacts", "api", "info")
    assert (line["request_id"], line["principal"]) == (call.request_id, principal.name)
    assert line["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert line["collection"] == "contacts"
    assert line["time"].endswith("Z")


def test_keys_that_nobody_declared_safe_are_left_out(lines):
    logger("crm.test").info("row stored", email="ann@example.com", display_name="Ann", count=3)

    (line,) = lines()
    assert line["count"] == 3
    assert "Ann" not in json.dumps(line)
    assert "ann@" not in json.dumps(line)


def test_an_unexpected_error_is_told_without_its_words(lines):
    try:
        raise LookupError("Ann Miller")
    except LookupError as error:
        logger("crm.test").error("call failed", exc_info=error)

    (line,) = lines()
    assert line["error"] == "LookupError"
    assert "test_logging.py" in line["stack"][-1]
    assert "Ann" not in json.dumps(line)


def test_the_words_of_the_system_are_kept(lines):
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except OSError:
        logger("crm.test").exception("call failed")

    (line,) = lines()
    assert line["error"] == "ConnectionRefusedError: [Errno 111] Connection refused"


def test_what_libraries_say_goes_the_same_way(lines):
    log = logging.getLogger("pika.adapters")

    log.warning("closing %s because of %s", 7, ValueError("Ann Miller"))
    log.info("connecting to amqp://crm:hush@broker/ for ann@example.com, +41 79 123 45 67")
    log.debug("too much")

    first, second = lines()
    assert (first["logger"], first["level"]) == ("pika.adapters", "warning")
    assert first["event"] == "closing 7 because of ValueError"
    assert second["event"] == "connecting to amqp://…broker/ for …, …"


@pytest.mark.parametrize(
    "said",
    [
        "127.0.0.1:5672",
        "contacts/01907a3c-6d5f-7d33-9c65-7f0b8a1f9d11",
        "attempt 3 of 10 in 12.5 s",
        "2026-11-22T02:35:14.448391Z",
    ],
)
def test_what_is_no_person_s_stays(said):
    assert redacted(said) == said


def test_what_paints_consoles_is_not_imported_and_can_be():
    program = (
        "import sys, crm_chassis.telemetry.logging; assert 'rich' not in sys.modules; import rich"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
