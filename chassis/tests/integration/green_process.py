"""A process on eventlet, as consumers are, with probes, logs and traces; it ends with its input."""

import eventlet

eventlet.monkey_patch()

import sys  # noqa: E402 - the patch comes first
from contextlib import closing  # noqa: E402

from crm_chassis.telemetry import probes  # noqa: E402
from crm_chassis.telemetry.logging import logger, start_logging  # noqa: E402
from crm_chassis.telemetry.tracing import span, start_tracing, stop_tracing  # noqa: E402


def react(number: int) -> None:
    with span(f"react {number}", kind="consumer"):
        eventlet.sleep(0.05)


def main() -> None:
    start_logging("analytics", "consumer")
    start_tracing("analytics", "consumer")
    with closing(probes.serve(sys.argv[1], {"rabbitmq": lambda: None})):
        for number in range(3):
            eventlet.spawn(react, number)
        logger(__name__).info("listening", address=sys.argv[1])
        sys.stdout.flush()
        eventlet.hubs.trampoline(sys.stdin.fileno(), read=True)
    stop_tracing()
    assert "grpc" not in sys.modules


if __name__ == "__main__":
    main()
