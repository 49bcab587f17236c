"""`crmctl doctor`: what is wrong, since when, and what to do about it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from crm_gateway.crmctl.findings import MANUAL
from crm_gateway.crmctl.program import build_parser
from crm_gateway.ops.runbooks import ACTIONS, path_of
from crm_gateway.ops.seen import Alert, Seen
from crm_gateway.ops.watch import Watch

ROOT = Path(__file__).resolve().parents[5]
UP = {("crm-contacts", "api", "10.0.0.7:9"): 1.0, ("crm-sales", "relay", "10.0.0.8:9"): 1.0}


class Shown:
    """A source that shows what a test wants."""

    kind = "METRICS"

    def __init__(self, seen):
        self._seen = seen

    def look(self):
        return self._seen


def operations(kind="METRICS", alerts=(), remarks=(), **answers):
    """What `/ops/data` answers to such figures."""
    at = datetime.now(UTC).timestamp()
    told = {"up": UP, **answers}
    seen = Seen(kind, at, "", "", told if kind != "NONE" else {}, alerts=alerts, remarks=remarks)
    overview = Watch([Shown(seen)]).overview()
    return overview.model_dump_json(by_alias=True).encode()


def source(**told):
    return {"source": "contacts", "accepted": 5, "difference": 0, "missing": [], **told}


def event_at(moment):
    """The id of an event that happened then."""
    return str(UUID(int=(int(moment.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62)))


WELL = "2 of 2 processes answer, no figure and no alert shows anything wrong"


@pytest.fixture
def healthy(api):
    api.put("GET /healthz", {"status": "ok"})
    there = {"ready": True, "needed": True}
    api.put("GET /readyz", {"ready": True, "dependencies": {"mongodb": there, "contacts": there}})
    api.put("GET /v1/contacts", {"contacts": []})
    api.put("POST /v1/ledger:reconcile", {"sources": [source()], "difference": 0})
    api.put("GET /v1/deadLetters", {"deadLetters": []})
    api.put("GET /ops/data", operations())
    return api


def test_a_healthy_installation_is_told_part_by_part(healthy, crmctl):
    ran = crmctl("doctor")

    assert ran.code == 0
    assert ran.said.splitlines() == [
        f"ok    gateway: answers at {healthy.url}",
        "ok    mongodb: ready",
        "ok    contacts: ready",
        "ok    key: is taken",
        "ok    ledger of contacts: 5 accepted, none missing",
        "ok    dead letters: none wait",
        f"ok    operations: {WELL}, by the processes' own metrics",
        "",
        "All is well.",
    ]


LETTER = {
    "name": "deadLetters/analytics.1",
    "queue": "analytics.journal",
    "firstTime": "2026-11-22T02:00:00.000Z",
    "state": "DEAD",
}
OLD = {"oldest": {("sales",): 754.0}, "pending": {("sales",): 12.0}}
AWAY = UP | {("crm-sales", "relay", "10.0.0.8:9"): 0.0}
LETTERS = [LETTER, LETTER | {"firstTime": "2026-11-22T01:00:00.000Z"}]
LEDGER, DEAD, OPS = "POST /v1/ledger:reconcile", "GET /v1/deadLetters", "GET /ops/data"

ALWAYS_ILL = {
    "a service": (
        "GET /readyz",
        [{"dependencies": {"analytics": {"ready": False, "needed": False}}}],
        ["analytics: not ready, the others answer without it"],
    ),
    "the gateway": ("GET /readyz", [{"dependencies": {}}, 503], ["gateway: takes no requests"]),
    "no answer": ("GET /readyz", [b"<html>"], ["readiness: "]),
    "the key": ("GET /v1/contacts", [{"detail": "Who?"}, 401], ["key: Who?"]),
    "a silent source": (
        LEDGER,
        [{"sources": [source(unavailable="TIMEOUT")]}],
        ["ledger of contacts: the source could not be asked"],
    ),
    "dead letters": (
        DEAD,
        [{"deadLetters": LETTERS}],
        ["dead letters of analytics.journal: 2 wait", "since 2026-11-22 01:00:00 UTC"],
    ),
    "a silent service": (
        DEAD,
        [{"deadLetters": [], "unavailable": ["sales"]}],
        ["dead letters of sales: the service could not be asked"],
    ),
    "operations": (OPS, [{"detail": "Broken."}, 500], ["operations: Broken."]),
    "no operations": (OPS, [b"<html>"], ["operations: The answer"]),
    "an outbox": (
        OPS,
        [operations(**OLD)],
        [
            "sales: 12 events wait in sales to be published, the oldest for 12 min 34 s",
            "since ",
        ],
    ),
    "a process": (
        OPS,
        [operations(up=AWAY)],
        ["sales/relay: sales/relay does not answer at 10.0.0.8:9", "seen since "],
    ),
    "Prometheus": (
        OPS,
        [operations(remarks=["Prometheus: no answer within 1 s."])],
        ["operations: Prometheus: no answer within 1 s."],
    ),
}


def ill():
    """What is not well, the call that tells it, and what the doctor makes of it, as of now."""
    ago = datetime.now(UTC) - timedelta(minutes=20)
    since = f"since {ago:%Y-%m-%d %H:%M:%S} UTC, 20 min"
    missing = [event_at(ago + timedelta(minutes=5)), event_at(ago)]
    return ALWAYS_ILL | {
        "lost events": (
            LEDGER,
            [{"sources": [source(difference=2, missing=missing)]}],
            [f"ledger of contacts: 2 missing in the last hour: {', '.join(missing)}", since],
        ),
        "a frozen consumer": (
            OPS,
            [operations(progress={("sales.x-y",): ago.timestamp()})],
            ["sales.x-y: sales.x-y has not got on for 20 min", since],
        ),
    }


@pytest.mark.parametrize("part", ill())
def test_what_is_not_well_is_told_with_since_when_and_what_to_do(healthy, crmctl, part):
    call, said, lines = ill()[part]
    healthy.put(call, *said)

    ran = crmctl("doctor")

    assert ran.code == 1
    assert "FAIL  " + "\n      ".join(lines) in ran.said
    assert "need a look." in ran.said
    told = ran.said.splitlines()
    for place in (place for place, line in enumerate(told) if line.startswith("FAIL")):
        when, command, page = told[place + 1 : place + 4]
        assert "since" in when
        assert is_command(command.removeprefix("      do: "))
        assert is_page(page.removeprefix("      see: "))


def test_an_alert_is_told_with_its_runbook(healthy, crmctl):
    address = "https://git.example.com/crm/docs/runbooks/timers-late.md"
    alert = Alert("CrmTimersLate", "service-desk", "ticket", "Timers are late.", address, 1.8e9)
    healthy.put("GET /ops/data", operations("PROMETHEUS", alerts=[alert]))

    ran = crmctl("doctor")

    assert ran.code == 1
    assert "FAIL  service-desk: Timers are late\n      since 2027-01-15 08:00:00 UTC" in ran.said
    assert "      do: make logs S=service-desk P=worker\n" in ran.said
    assert f"      see: {address}\n" in ran.said


def test_since_when_something_is_not_ready_follows_from_operations(healthy, crmctl):
    down = {("mongodb", "crm-sales", "relay", "10.0.0.8:9"): 0.0}
    healthy.put("GET /ops/data", operations(dependencies=down))
    healthy.put("GET /readyz", {"dependencies": {"mongodb": {"ready": False}}}, 503)

    ran = crmctl("doctor")

    begun = ran.said.split("FAIL  mongodb: not ready\n")[1].splitlines()[0]
    assert re.fullmatch(r"      seen since .* UTC, \d s", begun)
    assert ran.said.count("FAIL  mongodb") == 1, "once, not as a figure too"


def test_dead_letters_are_told_once_whoever_knows_of_them(healthy, crmctl):
    healthy.put("GET /v1/deadLetters", {"deadLetters": [LETTER]})
    healthy.put("GET /ops/data", operations(dead={("analytics.journal",): 1.0}))

    ran = crmctl("doctor")

    assert ran.said.count("FAIL") == 1
    assert "do: crmctl dlq list --queue analytics.journal" in ran.said


def test_who_may_not_see_operations_is_told_so_and_the_rest_is_looked_at(healthy, crmctl):
    healthy.refuse("GET /ops/data", 403, "PERMISSION_DENIED")

    ran = crmctl("doctor")

    assert ran.code == 0
    assert "?     operations: the key may not see /ops" in ran.said
    assert ran.said.endswith("All that could be looked at is well.\n")


def test_that_no_source_is_set_is_told(healthy, crmctl):
    healthy.put("GET /ops/data", operations("NONE"))

    ran = crmctl("doctor")

    assert ran.code == 0
    assert "?     operations: neither CRM_GATEWAY_PROMETHEUS_URL" in ran.said


@pytest.mark.parametrize("runbook", ACTIONS)
def test_every_runbook_is_there(runbook):
    assert is_page(path_of(runbook))


@pytest.mark.parametrize("runbook", ACTIONS)
def test_every_command_to_begin_with_exists(runbook):
    action = ACTIONS[runbook].format(subject="sales.x-y", service="sales")

    assert is_command(action)


def is_command(text):
    """Whether somebody could type it."""
    program, *arguments = text.split()
    if program == "make":
        target = arguments[0]
        return re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return program == "crmctl" and build_parser().parse_args(arguments)


def is_page(path):
    return path == MANUAL or (ROOT / path).is_file()
