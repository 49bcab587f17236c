"""Where the figures come from: Prometheus while it answers, else the processes themselves."""

import time

import pytest

from crm_gateway.ops.asking import Asker
from crm_gateway.ops.prometheus import Prometheus, promql
from crm_gateway.ops.questions import QUESTIONS
from crm_gateway.ops.seen import SourceAway

UP = 'up{job=~"crm-.*"}'
SALES = {"job": "crm-sales", "process": "relay", "instance": "10.0.0.7:9000"}
PENDING = 'crm_outbox_pending{service="sales"} 4.0'
OLD = 'crm_outbox_oldest_pending_age_seconds{service="sales"} 300.0'
FIRING = {
    "state": "firing",
    "activeAt": "2026-11-29T02:00:00.123456789Z",
    "value": "3e+02",
    "labels": {"alertname": "CrmOutboxStuck", "severity": "page", "service": "sales"},
    "annotations": {
        "summary": "Events of sales wait",
        "description": "The oldest for 5m.",
        "runbook_url": "https://git.example.com/crm/docs/runbooks/outbox-stuck.md",
    },
}


def requests(count, status="2xx"):
    return f'crm_http_requests_total{{method="GET",route="/v1/x",status="{status}"}} {count}'


def names(overview):
    return [problem.name for problem in overview.problems]


def test_what_the_processes_tell_is_put_together(processes, watching):
    processes.tell("sales/relay", PENDING, OLD)
    processes.tell("contacts/relay", 'crm_outbox_pending{service="contacts"} 1.0')

    told = watching(metrics_urls=processes.setting).overview()

    assert told.source.kind == "METRICS"
    assert told.messaging.pending == 5.0
    assert [one.service for one in told.services] == ["contacts", "sales"]
    assert names(told) == ["outbox-stuck"]
    assert (told.time - told.problems[0].since).total_seconds() == pytest.approx(300, abs=1)


def test_what_nobody_tells_is_null(processes, watching):
    processes.tell("sales/relay", PENDING)

    told = watching(metrics_urls=processes.setting).overview()

    assert told.is_well
    assert told.served.requests_per_second is None
    assert told.served.full_view_ratio is None
    assert told.messaging.oldest_seconds is None
    assert told.messaging.dead_letters_waiting is None
    assert told.business.contacts_captured is None
    assert (told.ledger, told.dependencies, told.breakers) == ([], [], [])


def test_rates_are_known_from_the_second_look_on(processes, watching):
    watch = watching(metrics_urls="gateway/api=" + processes.url + "/gateway/api/metrics")
    processes.tell("gateway/api", requests(10), requests(0, "5xx"))
    begun = time.monotonic()
    first = watch.overview()
    between = time.monotonic()
    time.sleep(0.05)
    processes.tell("gateway/api", requests(19), requests(1, "5xx"))

    least = time.monotonic() - between
    second = watch.overview()
    most = time.monotonic() - begun

    assert first.served.requests_per_second is None
    assert "second look" in first.source.rates
    assert 10 / most * 0.9 < second.served.requests_per_second < 10 / least * 1.1
    assert second.served.server_error_ratio == pytest.approx(0.1)


def test_a_process_that_does_not_answer_is_away_since_it_last_did(processes, watching):
    processes.tell("sales/relay", PENDING)
    processes.tell("sales/api", "x 1.0")
    watch = watching(metrics_urls=processes.setting)
    first = watch.overview()
    processes.pages["sales/relay"] = None

    told = watch.overview()

    [sales] = told.services
    assert {one.process: one.is_up for one in sales.processes} == {"api": True, "relay": False}
    assert names(told) == ["target-absent"]
    assert told.problems[0].subject == "sales/relay"
    assert told.problems[0].since == first.time


def test_a_process_without_a_name_is_known_by_what_it_tells(processes, watching):
    processes.tell("sales/relay", 'crm_outbox_pending{service="service-desk"} 4.0')
    url = f"{processes.url}/sales/relay/metrics"

    told = watching(metrics_urls=url).overview()

    [service] = told.services
    assert (service.service, service.processes[0].process) == ("service-desk", "relay")


def test_processes_that_hang_are_given_up(processes):
    processes.tell("sales/relay", PENDING)
    processes.delay = 20.0
    begun = time.monotonic()

    with pytest.raises(SourceAway, match="within"):
        Asker(0.1, 1).get(f"{processes.url}/sales/relay/metrics")

    assert time.monotonic() - begun < 10


def test_problems_without_an_age_are_told_since_they_were_first_seen(processes, watching):
    processes.tell("sales/relay", 'crm_outbox_blocked_resources{service="sales"} 2.0')
    watch = watching(metrics_urls=processes.setting)

    first, second = watch.overview(), watch.overview()

    assert second.time > first.time
    assert second.problems[0].since == first.time
    assert second.problems[0].is_since_seen


def test_what_is_looked_at_is_believed_for_some_seconds(processes, watching):
    processes.tell("sales/relay", PENDING)
    watch = watching(metrics_urls=processes.setting)
    watch._seconds = 60.0

    assert watch.overview() is watch.overview()


def test_prometheus_is_asked_where_it_is_set(prometheus, processes, watching):
    prometheus.put(UP, (SALES, 1))
    prometheus.put("sum by () (rate(crm_http_requests_total{route", ({}, "12.5"))
    prometheus.put("max by (service) (crm_outbox_pending", ({"service": "sales"}, 7))
    prometheus.draw("crm_http_requests_total", 1, 2, 3)

    told = watching(prometheus.url, processes.setting).overview()

    assert told.source.kind == "PROMETHEUS"
    assert told.source.remarks == []
    assert told.served.requests_per_second == 12.5
    assert told.messaging.pending == 7
    assert [value for _, value in told.past["requestsPerSecond"]] == [1, 2, 3]
    assert told.services[0].processes[0].is_up


def test_alerts_that_fire_come_with_what_to_do(prometheus, watching):
    prometheus.put(UP, (SALES, 1))
    always = {"state": "firing", "labels": {"alertname": "Watchdog"}, "annotations": {}}
    prometheus.alerts = [FIRING, {**FIRING, "state": "pending"}, always]

    [problem] = watching(prometheus.url).overview().problems

    assert (problem.name, problem.origin, problem.severity) == ("CrmOutboxStuck", "ALERT", "page")
    assert problem.action == "make logs S=sales P=relay"
    assert problem.summary == "Events of sales wait: The oldest for 5m."
    assert problem.runbook.endswith("/outbox-stuck.md")
    assert problem.since.isoformat() == "2026-11-29T02:00:00+00:00"


@pytest.mark.parametrize(
    ("since", "words"),
    [
        ("2026-11-29T02:47:30.467615297Z", " Its cause is gone since 02:47:30 UTC."),
        ("0001-01-01T00:00:00Z", ""),
    ],
)
def test_an_alert_that_only_fires_on_says_so(prometheus, watching, since, words):
    prometheus.put(UP, (SALES, 1))
    prometheus.alerts = [{**FIRING, "keepFiringSince": since}]

    [problem] = watching(prometheus.url).overview().problems

    assert problem.summary == f"Events of sales wait: The oldest for 5m.{words}"


@pytest.mark.parametrize(
    ("labels", "subject"),
    [
        ({"job": "crm-sales", "process": "relay"}, "sales/relay"),
        ({"job": "crm-sales", "process": "relay", "dependency": "mongodb"}, "mongodb"),
        ({"job": "rabbitmq"}, "rabbitmq"),
        ({"queue": "sales.x-y"}, "sales.x-y"),
        ({}, ""),
    ],
)
def test_an_alert_is_about_what_its_labels_name(prometheus, watching, labels, subject):
    prometheus.put(UP, (SALES, 1))
    prometheus.alerts = [{**FIRING, "labels": {"alertname": "Any", **labels}}]

    [problem] = watching(prometheus.url).overview().problems

    assert problem.subject == subject


def test_what_an_alert_tells_is_not_told_twice(prometheus, watching):
    prometheus.put(UP, (SALES, 1))
    ages = [({"service": "sales"}, 300), ({"service": "contacts"}, 300)]
    prometheus.put("max by (service) (crm_outbox_oldest_pending", *ages)
    prometheus.alerts = [FIRING]

    told = watching(prometheus.url).overview()

    assert [(one.origin, one.subject) for one in told.problems] == [
        ("ALERT", "sales"),
        ("FIGURES", "contacts"),
    ]


@pytest.mark.parametrize("how", ["away", "broken", "slow", "empty"])
def test_without_prometheus_the_processes_are_asked_and_the_reader_is_told(
    prometheus, processes, watching, how
):
    url, patience = prometheus.url, 30.0
    if how == "away":
        url = "http://127.0.0.1:1"
    elif how == "broken":
        prometheus.broken = b"<html>"
    elif how == "slow":
        prometheus.delay, patience = 20.0, 0.5
    processes.tell("sales/relay", PENDING)

    told = watching(url, processes.setting, patience).overview()

    assert told.source.kind == "METRICS"
    assert told.messaging.pending == 4.0
    [remark] = told.source.remarks
    assert remark.startswith("Prometheus: ")


def test_questions_that_prometheus_does_not_answer_stay_unknown(prometheus, watching):
    prometheus.put(UP, (SALES, 1))
    prometheus.vectors["crm_outbox_pending"] = [{"value": "not a pair"}]

    told = watching(prometheus.url).overview()

    assert told.source.kind == "PROMETHEUS"
    assert told.messaging.pending is None
    assert any("did not answer 1 of" in remark for remark in told.source.remarks)


def test_a_prometheus_that_is_slow_with_everything_is_not_waited_for(prometheus):
    prometheus.put(UP, (SALES, 1))
    prometheus.delay, prometheus.at_once = 0.75, promql(QUESTIONS["up"])

    told = Prometheus(prometheus.url, patience=1).look()

    assert len(prometheus.asked) < len(QUESTIONS), "the others were given up"
    assert any(" questions" in remark for remark in told.remarks)


def test_alerts_that_are_not_told_are_not_silence(prometheus, watching):
    prometheus.put(UP, (SALES, 1))
    prometheus.alerts = None

    told = watching(prometheus.url).overview()

    assert any("which alerts fire" in remark for remark in told.source.remarks)


def test_when_nobody_answers_nothing_is_said_to_be_well(watching):
    told = watching("http://127.0.0.1:1", "http://127.0.0.1:1/metrics").overview()

    assert told.source.kind == "NONE"
    assert told.is_well is None
    assert len(told.source.remarks) == 2


BY_ROUTE = 'crm_http_requests_total{route=~"/v1/.*",status=~"5xx"}'
READS = (
    "crm_http_request_duration_seconds_bucket"
    '{route=~"/v1/.*",method=~"GET",route!~".*:customerView"}'
)
CAPTURED = r'crm_events_recorded_total{event_type=~"crm\\.contacts\\.contact\\.created\\.v1"}'


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("pending", "max by (service) (crm_outbox_pending{})"),
        ("server_errors", f"sum by () (rate({BY_ROUTE}[5m]))"),
        ("reads", f"histogram_quantile(0.95, sum by (le) (rate({READS}[5m])))"),
        ("contacts", f"sum by () (increase({CAPTURED}[1h]))"),
    ],
)
def test_questions_are_written_in_prometheus_language(name, query):
    assert promql(QUESTIONS[name]) == query
