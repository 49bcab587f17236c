"""The consumer process: one nameko service with its subscriptions, and one for the dead letters."""

import logging
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import eventlet
from nameko.containers import ServiceContainer
from nameko.runners import ServiceRunner

from crm_chassis.consuming.broker import Confirming
from crm_chassis.consuming.deliveries import bear_any_properties
from crm_chassis.consuming.drain import drain_of
from crm_chassis.consuming.intake import Intake
from crm_chassis.consuming.patching import refuse_unpatched
from crm_chassis.consuming.retry import Retries
from crm_chassis.consuming.subscribe import RETRIES
from crm_chassis.events import topology
from crm_chassis.mongo import connection
from crm_chassis.mongo.failures import check_database
from crm_chassis.resources.event_log import expect_events
from crm_chassis.settings import ServiceSettings
from crm_chassis.telemetry import probes
from crm_chassis.telemetry.logging import logger, start_logging
from crm_chassis.telemetry.tracing import start_tracing, stop_tracing

# More than the longest reaction; what has not ended by then is handed back to the broker.
STOP_WITHIN = 25.0
LOOK_AGAIN = 1.0
LIBRARIES = ("nameko", "kombu", "amqp")
log = logger(__name__)


def run(
    settings: ServiceSettings,
    consumer: type,
    checks: Mapping[str, probes.Check] | None = None,
) -> None:
    """Take events until SIGTERM or SIGINT; then finish those that were taken.

    `consumer` is the service's class of `@subscribe` methods, its `name` the service's. `checks` is
    what else must be well before it begins, and for readiness: the schema. The process begins
    with `patching.patch()`.
    """
    refuse_unpatched()
    bear_any_properties()
    settings.need("mongodb_uri", "rabbitmq_uri", "metrics_address")
    start_logging(settings.service, "consumer", settings.log_level)
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.ERROR)
    start_tracing(settings.service, "consumer")
    connection.connect(settings.mongodb_uri, settings.database_name)
    expect_events(settings.service)
    tiers = topology.retries(settings.service, settings.retry_seconds)
    letters = topology.dead_letters(settings.service)
    broker = Confirming(settings.rabbitmq_uri, [*tiers, letters])
    process = _Process(settings, consumer, broker)
    needed = {"mongodb": check_database, "rabbitmq": broker.check, **(checks or {})}
    readiness = {**needed, "subscriptions": process.check_taking}
    alive = {"subscriptions": process.check}
    with closing(probes.serve(settings.metrics_address, readiness, alive)):
        process.work(needed)
    broker.close()
    connection.disconnect()
    stop_tracing()


class _Process:
    """nameko's runner, from waiting for what it needs to the clean stop."""

    def __init__(self, settings: ServiceSettings, consumer: type, broker: Confirming) -> None:
        retries = Retries(settings.service, broker, settings.retry_seconds)
        self._runner = ServiceRunner({"AMQP_URI": settings.rabbitmq_uri, RETRIES: retries})
        if getattr(consumer, "name", "") != settings.service:
            raise ValueError(f"the consumer of {settings.service} has another name")
        self._runner.add_service(consumer)
        self._runner.add_service(drain_of(settings.service, broker))
        self._is_begun = self._is_started = self._is_stopping = False
        for number in (signal.SIGTERM, signal.SIGINT):
            # A handler runs wherever the hub is, and may not wait.
            signal.signal(number, lambda *_: eventlet.spawn_n(self._stop))

    def work(self, needed: Mapping[str, probes.Check]) -> None:
        """Wait for what is needed, then take messages until the stop."""
        while not self._is_stopping and (missing := _missing(needed)):
            log.info("waiting", name=missing)
            eventlet.sleep(LOOK_AGAIN)
        if self._is_stopping:
            return
        self._is_begun = True
        self._runner.start()
        self._is_started = True
        log.info("taking events", count=len(list(self._intakes())))
        self._runner.wait()

    def check(self) -> None:
        """Do nothing while all subscriptions get on.

        Raises:
            RuntimeError: one does not.
        """
        for intake in self._intakes():
            if self._is_started:
                intake.check()

    def check_taking(self) -> None:
        """Do nothing while the broker can deliver to all.

        Raises:
            RuntimeError: to one it cannot.
        """
        for intake in self._intakes():
            intake.check_taking()

    def _intakes(self) -> Iterator[Intake]:
        containers: list[ServiceContainer] = list(self._runner.containers)
        for container in containers:
            entrypoints: list[Any] = list(container.entrypoints)
            yield from (one for one in entrypoints if isinstance(one, Intake))

    def _stop(self) -> None:
        if self._is_stopping:
            return
        self._is_stopping = True
        log.info("stopping")
        eventlet.spawn_after(STOP_WITHIN, _end_at_once)
        while self._is_begun and not self._is_started:
            # nameko stops only what has started.
            eventlet.sleep(0.05)
        if self._is_started:
            self._runner.stop()


def _end_at_once() -> None:
    """What was not settled comes again, as after a crash."""
    log.error("stopped too late")
    logging.shutdown()
    os._exit(1)


def _missing(needed: Mapping[str, probes.Check]) -> str:
    """The name of the first thing that is not there yet; empty when all are."""
    for name, check in needed.items():
        try:
            check()
        except Exception as error:  # whatever a check raises means: not now
            log.debug("not ready", name=name, exc_info=error)
            return name
    return ""
