"""The dashboards, one module each."""

from monitoring.dashboards import (
    business,
    dependencies,
    gateway,
    messaging,
    overview,
    security,
    services,
)
from monitoring.grafana import Dashboard


def all_dashboards() -> list[Dashboard]:
    """Every dashboard, the one to begin with first."""
    pages = (overview, gateway, services, messaging, dependencies, business, security)
    return [page.DASHBOARD for page in pages]
