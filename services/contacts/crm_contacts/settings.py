"""The variables of the contacts service: CRM_CONTACTS_*."""

from crm_chassis.settings import ServiceSettings


class Settings(ServiceSettings, service="contacts"):
    """What every service is told; contacts needs nothing else."""
