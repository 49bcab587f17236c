"""What the worker of the contacts service does, put together from the features' jobs."""

from functools import partial

from crm_chassis.mongo.migrations import require_schema
from crm_contacts.imports.commands import DISCARD, IMPORT
from crm_contacts.imports.jobs import fire_discard, run_import

TIMERS = {DISCARD: fire_discard}
OPERATIONS = {IMPORT: run_import}
CHECKS = {"schema": partial(require_schema, "crm_contacts.migrations")}
