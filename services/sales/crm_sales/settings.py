"""The variables of the sales service: CRM_SALES_*."""

from crm_chassis.settings import ServiceSettings


class Settings(ServiceSettings, service="sales"):
    """What every service is told; sales needs nothing else."""
