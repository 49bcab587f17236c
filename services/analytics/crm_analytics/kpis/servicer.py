"""Indicators over gRPC."""

from zoneinfo import ZoneInfo

from crm.analytics.v1 import kpis_pb2, kpis_pb2_grpc

from crm_analytics.kpis.queries import values_of
from crm_analytics.kpis.rules import KPIS, Kpi, calendar_of
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import NotFound
from crm_chassis.telemetry.context import current_call


class KpiServicer(kpis_pb2_grpc.KpiServiceServicer):
    """Translate, call, translate. A day is one of the installation's time zone."""

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)

    def ListKpis(self, request, context):
        return kpis_pb2.ListKpisResponse(kpis=[_message(kpi) for kpi in KPIS.values()])

    def GetKpi(self, request, context):
        return _message(_find(request.name))

    def ListKpiValues(self, request, context):
        kpi = _find(request.name)
        calendar = calendar_of(request.start_date, request.end_date, self._zone, now())
        values = values_of(kpi.id, calendar, current_call().principal)
        return kpis_pb2.ListKpiValuesResponse(
            values=[
                kpis_pb2.KpiValue(
                    date=value.day.isoformat(), value=value.text, currency_code=value.currency_code
                )
                for value in values
            ]
        )


def _find(name: str) -> Kpi:
    kpi = KPIS.get(name.partition("/")[2])
    if kpi is None:
        raise NotFound(f"There is no {name}.")
    return kpi


def _message(kpi: Kpi) -> kpis_pb2.Kpi:
    return kpis_pb2.Kpi(
        name=f"kpis/{kpi.id}",
        display_name=kpi.display_name,
        description=kpi.description,
        unit=kpi.unit,
    )
