"""What the gateway does by itself, in nobody's name but its own."""

from crm_chassis.kernel.ids import new_id
from crm_chassis.telemetry.context import Call, service_principal
from crm_chassis.telemetry.tracing import new_traceparent

SERVICE = "gateway"


def own_call(work: str) -> Call:
    """The call in whose name a piece of the gateway's own work is done."""
    cause = new_id()
    return Call(
        principal=service_principal(SERVICE),
        request_id=cause,
        method=work,
        correlation_id=cause,
        causation_id=cause,
        traceparent=new_traceparent(),
    )
