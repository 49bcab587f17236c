"""What the worker of the contacts service does, put together from the features' jobs."""

from crm_contacts.imports.commands import DISCARD, IMPORT
from crm_contacts.imports.jobs import fire_discard, run_import

TIMERS = {DISCARD: fire_discard}
OPERATIONS = {IMPORT: run_import}
