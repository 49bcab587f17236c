"""The variables of the service desk: CRM_SERVICE_DESK_*."""

from crm_chassis.settings import ServiceSettings


class Settings(ServiceSettings, service="service-desk"):
    """What every service is told; the service desk needs nothing else."""
