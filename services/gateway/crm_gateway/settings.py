"""The variables of the gateway: CRM_GATEWAY_*."""

from crm_chassis.settings import Address, ServiceSettings


class GatewaySettings(ServiceSettings, service="gateway"):
    """What every service is told, and where people and programs find the gateway."""

    http_address: Address = ""
    # Where the operators' pages ask how the suite is doing: Prometheus, and each process itself.
    prometheus_url: str = ""
    metrics_urls: str = ""
