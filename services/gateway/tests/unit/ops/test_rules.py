"""What is wrong, by the figures alone."""

import pytest

from crm_gateway.ops.rules import conditions, spell
from crm_gateway.ops.runbooks import ACTIONS, action_for, name_of
from crm_gateway.ops.seen import Seen

NOW = 1_800_000_000.0
HERE = ("mongodb", "crm-sales", "relay", "10.0.0.7:9000")


def found(last_up=None, **answers):
    return conditions(Seen("METRICS", NOW, "", "", answers, last_up=last_up or {}))


def test_where_nothing_is_known_nothing_is_said_to_be_wrong():
    assert found() == []


HEALTHY = {
    "oldest": {("sales",): 3.0},
    "broker_blocked": {("sales",): 0.0},
    "failures": {("sales", "returned"): 0.0, ("sales", "nack"): 0.0},
    "blocked": {("sales",): 0.0},
    "dead": {("sales.contacts-changed",): 0.0},
    "progress": {("sales.contacts-changed",): NOW - 2},
    "handled": {("sales.contacts-changed", "ok"): 9.0, ("sales.contacts-changed", "retry"): 0.0},
    "up": {("crm-sales", "relay", "10.0.0.7:9000"): 1.0},
    "dependencies": {HERE: 1.0},
    "breakers": {("sales", "crm-gateway", "api"): 0.0},
    "ledger_missing": {("sales",): 0.0},
    "ledger_checked": {("sales",): NOW - 60},
    "timers": {("service-desk",): 0.0},
    "breached": {("resolution",): 0.0},
    "deliveries": {("SENT",): 12.0, ("UNKNOWN",): 0.0},
}


def test_a_healthy_installation_has_no_condition():
    assert found(**HEALTHY) == []


def test_a_subscription_that_has_only_begun_is_not_stalled():
    assert found(progress={("sales.contacts-changed",): 0.0}) == []


@pytest.mark.parametrize(
    ("changed", "runbook", "severity", "words"),
    [
        ({"oldest": {("sales",): 192.0}}, "outbox-stuck", "page", "oldest for 3 min 12 s"),
        ({"broker_blocked": {("sales",): 1.0}}, "broker-alarm", "page", "memory or disk"),
        ({"failures": {("sales", "returned"): 0.1}}, "unroutable-publish", "page", "gives them"),
        ({"blocked": {("sales",): 2.0}}, "resources-blocked", "ticket", "2 resources of sales"),
        ({"dead": {("q",): 3.0}}, "dead-letters-waiting", "ticket", "3 dead letters of q"),
        ({"dead": {("q",): 101.0}}, "dead-letters-piling", "page", "101 dead letters of q"),
        (
            {"dead": {("q",): 1.0}, "dead_age": {("q",): 90_000.0}},
            "dead-letters-piling",
            "page",
            "1 d 1 h",
        ),
        ({"progress": {("q",): NOW - 400}}, "consumer-stalled", "page", "6 min 40 s"),
        ({"handled": {("q", "ok"): 9.0, ("q", "retry"): 1.0}}, "retries-high", "ticket", "10%"),
        (
            {"up": {("crm-sales", "relay", "10.0.0.7:9000"): 0.0}},
            "target-absent",
            "ticket",
            "sales/relay does not answer",
        ),
        ({"up": {("", "", "10.0.0.7:9"): 0.0}}, "target-absent", "ticket", "answer at 10.0.0.7:9"),
        (
            {"dependencies": {HERE: 0.0}},
            "dependency-down",
            "ticket",
            "not there for sales/relay",
        ),
        ({"breakers": {("sales", "crm-gateway", "api"): 2.0}}, "breaker-open", "ticket", "gateway"),
        ({"ledger_missing": {("sales",): 1.0}}, "ledger-missing", "page", "1 events of sales"),
        ({"ledger_checked": {("sales",): NOW - 9000}}, "ledger-stale", "ticket", "2 h 30 min"),
        ({"timers": {("service-desk",): 400.0}}, "timers-late", "ticket", "6 min 40 s"),
        ({"breached": {("resolution",): 2.0}}, "case-targets-breached", "ticket", "2 open cases"),
        ({"deliveries": {("UNKNOWN",): 1.0}}, "deliveries-unknown", "ticket", "1 mails"),
    ],
)
def test_each_thing_that_goes_wrong_is_told_with_its_runbook(changed, runbook, severity, words):
    told = found(**(HEALTHY | changed))

    assert [(one.runbook, one.severity) for one in told] == [(runbook, severity)]
    assert words in told[0].summary
    assert runbook in ACTIONS


@pytest.mark.parametrize(
    ("changed", "since"),
    [
        ({"oldest": {("sales",): 192.0}}, NOW - 192),
        ({"dead": {("q",): 1.0}, "dead_age": {("q",): 60.0}}, NOW - 60),
        ({"progress": {("q",): NOW - 400}}, NOW - 400),
        ({"timers": {("service-desk",): 400.0}}, NOW - 400),
        ({"ledger_checked": {("sales",): NOW - 9000}}, NOW - 9000),
        ({"blocked": {("sales",): 2.0}}, None),
    ],
)
def test_since_when_follows_from_the_figures_where_they_tell(changed, since):
    [told] = found(**(HEALTHY | changed))

    assert told.since == since


def test_a_process_is_away_since_it_last_answered():
    gone = {("crm-sales", "relay", "10.0.0.7:9000"): 0.0}

    [told] = found(dict.fromkeys(gone, NOW - 30), up=gone)

    assert told.since == NOW - 30


def test_what_wakes_somebody_comes_first():
    told = found(breached={("resolution",): 2.0}, oldest={("sales",): 500.0})

    assert [one.severity for one in told] == ["page", "ticket"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3_725, "1 h 2 min"), (187_200, "2 d 4 h")],
)
def test_a_length_of_time_has_its_two_largest_units(seconds, words):
    assert spell(seconds) == words


@pytest.mark.parametrize(
    ("runbook", "subject", "command"),
    [
        ("outbox-stuck", "sales", "make logs S=sales P=relay"),
        ("outbox-stuck", "crm-sales", "make logs S=sales P=relay"),
        ("consumer-stalled", "service_desk.x-y", "make logs S=service-desk P=consumer"),
        ("dead-letters-waiting", "sales.x-y", "crmctl dlq list --queue sales.x-y"),
        ("dead-letters-waiting", "", "crmctl dlq list"),
        ("timers-late", "", "make status"),
        ("something-else", "sales", "make status"),
    ],
)
def test_there_is_a_command_for_everything(runbook, subject, command):
    assert action_for(runbook, subject) == command


def test_an_alert_names_its_runbook_by_its_address():
    assert name_of("https://git.example.com/docs/runbooks/outbox-stuck.md#impact") == "outbox-stuck"
    assert name_of("") == ""
