"""What the worker of the service desk does, put together from the features' jobs."""

from functools import partial

from crm_chassis.mongo.migrations import require_schema
from crm_chassis.settings import ServiceSettings
from crm_chassis.working.worker import run
from crm_service_desk.metrics import watch_cases
from crm_service_desk.targets.jobs import fire_target
from crm_service_desk.targets.rules import TARGETS

TIMERS = dict.fromkeys(TARGETS, fire_target)
CHECKS = {"schema": partial(require_schema, "crm_service_desk.migrations")}


def work(settings: ServiceSettings) -> None:
    """Work until SIGTERM or SIGINT."""
    watch_cases()
    run(settings, TIMERS, {}, CHECKS)
