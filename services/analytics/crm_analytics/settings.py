"""What the analytics service is told from outside."""

from crm_chassis.settings import ServiceSettings


class Settings(ServiceSettings, service="analytics"):
    """Every variable that begins with CRM_ANALYTICS_."""
