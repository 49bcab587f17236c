"""The page as people see it, in a real browser: whole, readable and as it is now."""

import shutil
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from crm_chassis.testing.waiting import PATIENCE
from crm_gateway.ops.page import REFRESH_SECONDS

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
GRAVE = {"serious", "critical"}
OLD = 'crm_outbox_oldest_pending_age_seconds{service="service-desk"} 754.0'


def page_of(service, now):
    """What one process would tell that did everything there is."""
    consumer = f"{service}.organizations-changed"
    dead = f'queue="{consumer}"'
    return [
        f'crm_outbox_pending{{service="{service}"}} 2.0',
        f'crm_outbox_published_total{{service="{service}"}} {now}',
        f'crm_outbox_blocked_resources{{service="{service}"}} 0.0',
        f'crm_events_recorded_total{{event_type="crm.{service}.contact.created.v1"}} {now}',
        f'crm_event_handled_total{{consumer="{consumer}",event_type="x",outcome="ok"}} {now}',
        f'crm_event_handled_total{{consumer="{consumer}",event_type="x",outcome="retry"}} 0.0',
        f'crm_consumer_last_progress_timestamp_seconds{{consumer="{consumer}"}} {now - 1}',
        f"crm_dlq_messages{{{dead}}} 0.0",
        f"crm_parking_messages{{{dead}}} 4.0",
        f'crm_grpc_server_handled_total{{code="OK",method="Get",service="{service}"}} {now}',
        f'crm_grpc_server_handled_total{{code="INTERNAL",method="Get",service="{service}"}} 0.0',
        'crm_http_requests_total{method="GET",route="/v1/x",status="2xx"} ' + str(now),
        'crm_http_requests_total{method="GET",route="/v1/x",status="5xx"} 0.0',
        'crm_gateway_view_responses_total{view="contact",completeness="full"} ' + str(now),
        'crm_dependency_up{dependency="mongodb"} 1.0',
        f'crm_breaker_state{{target="{service}"}} 0.0',
        f'crm_ledger_accepted{{source="{service}"}} 123456.0',
        f'crm_ledger_missing{{source="{service}"}} 0.0',
        f'crm_ledger_checked_timestamp_seconds{{source="{service}"}} {now - 30}',
        'crm_service_desk_breached_cases{target="first-response"} 0.0',
        'crm_campaigns_deliveries_total{state="UNKNOWN"} 0.0',
        'crm_contacts_imported_rows_total{outcome="created"} 12.0',
    ]


@pytest.fixture
def suite(processes):
    """Processes that are well; `break_` makes one of them tell of something that is not."""

    def tell(*more):
        for service in ("contacts", "service-desk"):
            processes.tell(f"{service}/worker", *page_of(service, time.time()), *more)

    tell()
    return tell


@pytest.fixture(scope="module")
def chromium():
    """The browser of the distribution."""
    path = shutil.which("chromium")
    assert path, "chromium is missing: make watchers"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=list(FLAGS), timeout=PATIENCE * 1000
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, open_page, processes, watching):
    """Opens the page; gives it, and what the browser complained of."""
    contexts = []

    def visit_(prometheus_url="", **options):
        watch = watching(prometheus_url, processes.setting)
        watch.overview()
        context = chromium.new_context(**options)
        context.set_default_timeout(PATIENCE * 1000)
        contexts.append(context)
        page, complaints = context.new_page(), []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if options.get("java_script_enabled", True):
            page.clock.install()
        page.goto(open_page(watch))
        return page, complaints

    yield visit_
    for context in contexts:
        context.close()


def is_too_wide(page):
    return page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def grave_findings(page):
    found = Axe().run(page).response["violations"]
    return [one["id"] for one in found if one["impact"] in GRAVE]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_page_is_readable_for_everybody(suite, processes, visit, width, scheme):
    suite(OLD, 'crm_ledger_missing{source="x"} 3.0', 'crm_breaker_state{target="x"} 2.0')
    processes.pages["sales/relay"] = None
    for name in ("campaigns", "service-desk", "contacts", "analytics", "sales", "gateway"):
        processes.tell(f"{name}/consumer", 'crm_dependency_up{dependency="subscriptions"} 0.0')

    page, complaints = visit(viewport={"width": width, "height": 900}, color_scheme=scheme)

    assert page.title() == "✖ 6 problems - CRM operations"
    for wide in (width, 650, 1030, 1400):
        page.set_viewport_size({"width": wide, "height": 900})
        assert not is_too_wide(page), wide
    assert grave_findings(page) == []
    assert complaints == []


def test_the_page_with_drawings_of_the_last_hour_is_readable_too(suite, prometheus, visit):
    labels = {"job": "crm-sales", "process": "relay", "instance": "10.0.0.7:9000"}
    prometheus.put('up{job=~"crm-.*"}', (labels, 1))
    prometheus.draw("", 1, 5, 2)

    page, complaints = visit(prometheus.url, viewport={"width": 320, "height": 900})

    assert page.locator("svg[role=img]").count() >= 6
    for width in (320, 650, 1030, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert not is_too_wide(page), width
    assert grave_findings(page) == []
    assert complaints == []


def test_what_is_broken_is_told_with_what_to_do_and_goes_away_by_itself(suite, visit):
    suite(OLD)
    page, complaints = visit()
    problems = page.get_by_role("region", name="Is anything wrong?")
    told = problems.inner_text()
    page.evaluate("window.isTheSame = true")

    suite()
    page.clock.fast_forward((REFRESH_SECONDS + 1) * 1000)
    problems.get_by_text("No figure shows anything wrong").wait_for()

    assert "the oldest for 12 min 34 s" in told
    assert "make logs S=service-desk P=relay" in told
    assert "docs/runbooks/outbox-stuck.md" in told
    assert page.title().startswith("✔")
    assert page.evaluate("window.isTheSame")
    assert complaints == []


def test_a_page_that_cannot_be_refreshed_says_so(suite, visit):
    page, _ = visit()
    page.route("**/ops", lambda route: route.abort())

    page.clock.fast_forward((REFRESH_SECONDS + 1) * 1000)

    page.get_by_role("status").get_by_text("Not refreshed since").wait_for()


def test_without_scripts_the_page_is_the_same_and_loads_itself_anew(suite, visit):
    suite(OLD)
    page, _ = visit(java_script_enabled=False)

    assert "outbox-stuck" in page.content()
    refresh = page.locator("meta[http-equiv=refresh]")
    assert refresh.get_attribute("content") == str(REFRESH_SECONDS)
