"""What the worker of the contacts service does, put together from the features' jobs."""

from functools import partial

from crm_chassis.mongo.migrations import require_schema
from crm_contacts.imports.jobs import IMPORT, run_import

TIMERS = {}
OPERATIONS = {IMPORT: run_import}
CHECKS = {"schema": partial(require_schema, "crm_contacts.migrations")}
