"""Measures of the whole suite: full views, a silent service, mails, timers, all its memory."""

import smtplib
import statistics
import time
from collections.abc import Iterator
from email.message import EmailMessage

from liquid import Environment

from bench import scenes, timing
from bench.idle import memory_of
from bench.load import Connection, Target, rate
from bench.measure import Measure
from bench.stack import BenchStack
from crm_chassis.testing.waiting import wait_until
from crm_gateway.views.customer_view import PATIENCE

SECONDS = 3.0
LOOKS = 200
MAILS = 1_000
SERVERS = frozenset({"epmd", "mongod", "rabbitmq", "smtp"})
SUBJECT = "Spring, {{ contact.displayName }}"
BODY = "Dear {{ contact.displayName }},\n\nsee you at {{ campaign.displayName }}.\n"


def measures(stack: BenchStack, five_services: Target) -> Iterator[Measure]:
    """The table's lines, in its order."""
    customers = [scenes.a_full_customer(stack.suite.client()) for _ in range(8)]
    target = Target(stack.suite.env["CRM_URL"], stack.suite.env["CRM_API_KEY"])
    views = [target.request("GET", f"/v1/{name}:customerView") for name in customers]
    yield Measure(
        "full customer views",
        "1/s",
        lambda: rate(target, lambda number: views[number % len(views)], SECONDS),
        "five empty gRPC servers in parallel behind a bare Flask route",
        lambda: rate(five_services, lambda _: five_services.request("GET", "/"), SECONDS),
        at_least=0.35,
        aim=0.6,
    )
    yield Measure(
        "full customer view while a service is silent, p99",
        "s",
        lambda: _slowest(stack, target, views),
        "the deadline of an owner",
        lambda: PATIENCE,
        at_least=1.1,
        aim=1.05,
        lower_is_better=True,
    )
    yield from _mails(stack)
    yield from _quietly(stack)


def _quietly(stack: BenchStack) -> Iterator[Measure]:
    yield Measure(
        "lateness of 10,000 timers due in a minute, two workers, p99",
        "s",
        lambda: timing.lateness(stack.suite.env["CRM_MONGODB_URI"]),
        at_least=1.0,
        aim=0.2,
        lower_is_better=True,
    )
    yield Measure(
        "idle memory of the whole suite",
        "MiB",
        lambda: sum(memory_of(stack, name) for name in stack.suite.pids if name not in SERVERS),
        at_least=2_253,
        aim=1_536,
        lower_is_better=True,
    )


def _slowest(stack: BenchStack, target: Target, views: list[bytes]) -> float:
    """The 99th percentile of the seconds that views take one after the other."""
    connection, seconds = Connection(target), []
    wait_until(lambda: b'"complete":true' in connection.ask(views[0])[1], 30, 0.2)
    with stack.held_processes("service-desk/api"):
        for number in range(LOOKS):
            began = time.perf_counter()
            status, body = connection.ask(views[number % len(views)])
            seconds.append(time.perf_counter() - began)
            if status != 200:
                raise RuntimeError(f"{status} {body[:300]!r}")
    connection.close()
    return statistics.quantiles(seconds, n=100)[98]


def _mails(stack: BenchStack) -> Iterator[Measure]:
    client = stack.suite.client()
    audience = scenes.an_audience(client, MAILS)
    scenes.drained(stack)

    def sent() -> float:
        campaign = {
            "displayName": "the fair",
            "audience": audience,
            "fromAddress": "hello@example.com",
            "subject": SUBJECT,
            "body": BODY,
            "purpose": "newsletter",
        }
        name = client.post("/v1/campaigns", campaign).ok()["name"]
        began = time.perf_counter()
        client.post(f"/v1/{name}:send", {}).ok()
        done = wait_until(
            lambda: (found := client.get(f"/v1/{name}").ok())["state"] == "SENT" and found, 120
        )
        seconds = time.perf_counter() - began
        if done["stats"]["sent"] != MAILS:
            raise RuntimeError(f"the campaign ended with {done['stats']}")
        scenes.drained(stack)
        return MAILS / seconds

    yield Measure(
        "mails rendered and handed over",
        "1/s",
        sent,
        "bare Liquid and smtplib in a loop",
        lambda: _bare_mails(stack),
        at_least=0.5,
        aim=0.8,
    )


def _bare_mails(stack: BenchStack) -> float:
    subject, body = (Environment().from_string(text) for text in (SUBJECT, BODY))
    words = {"contact": {"displayName": "Ann Bench"}, "campaign": {"displayName": "the fair"}}
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", stack.smtp_port) as server:
        for number in range(MAILS):
            mail = EmailMessage()
            mail["From"], mail["To"] = "hello@example.com", f"a{number}@example.com"
            mail["Subject"] = subject.render(**words)
            mail.set_content(body.render(**words))
            server.send_message(mail)
    return MAILS / (time.perf_counter() - began)
