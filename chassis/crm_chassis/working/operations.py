"""Carrying on operations: one step after the other, each with its progress in one transaction."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event

from crm_chassis.kernel.errors import Conflict, Overdue, Refusal, TooMany, Unavailable
from crm_chassis.mongo import operations
from crm_chassis.mongo.claiming import ClaimLost
from crm_chassis.mongo.operations import Operation, Progress
from crm_chassis.resources.transaction import Transaction, in_transaction
from crm_chassis.telemetry.context import call_scope
from crm_chassis.telemetry.logging import logger
from crm_chassis.telemetry.metrics import (
    OPERATION_ENDINGS,
    OPERATION_STEP_SECONDS,
    OPERATION_STEPS,
    OPERATIONS_ENDED,
    STEP_OUTCOMES,
    expect,
)
from crm_chassis.telemetry.tracing import span

# A step is a bounded batch: it is over well before the claim is (mongo/operations.py).
Step = Callable[[Transaction], Progress]
# Gives the steps that are left, from the operation's cursor on. What it prepares between them it
# can prepare again: the steps may be asked for anew at any time, by another process.
OperationHandler = Callable[[Operation], Generator[Step, None, None]]

MOST_ATTEMPTS = 10
log = logger(__name__)


@dataclass(frozen=True)
class Operations:
    """The long work of one service by kind, and which of it this process is preparing steps of."""

    handlers: Mapping[str, OperationHandler]
    stop: Event
    preparing: dict[str, Operation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expect(OPERATION_STEPS, self.handlers, STEP_OUTCOMES)
        expect(OPERATIONS_ENDED, self.handlers, OPERATION_ENDINGS)

    def carry_on_one(self) -> bool:
        """Carry on the operation that waits the longest until it ends or the process does.

        Tells whether one waited.
        """
        operation = operations.claim(self.handlers)
        if operation is None:
            return False
        name = f"operation {operation.kind}"
        with (
            span(name, kind="consumer", follows=operation.call.traceparent),
            call_scope(operation.call),
        ):
            self._carry_on(operation)
        return True

    def renew(self) -> bool:
        """Keep the claims on what a step is being prepared of; tells whether it could."""
        outcomes = [operations.renew(operation) for operation in list(self.preparing.values())]
        return all(outcomes)

    def _carry_on(self, operation: Operation) -> None:
        if operation.attempts > MOST_ATTEMPTS:
            _end(operation, "failed", "INTERNAL", "It failed again and again.")
            return
        try:
            self._run_steps(operation)
        except ClaimLost:
            OPERATION_STEPS.labels(operation.kind, "lost").inc()
        except (Unavailable, Overdue, TooMany, Conflict) as refusal:
            _put_off(operation, refusal)
        except Refusal as refusal:
            _end(operation, "failed", refusal.reason, refusal.detail)
        except Exception as error:  # noqa: BLE001 - whatever a step raises, it is tried again
            _put_off(operation, error)
        finally:
            self.preparing.pop(operation.id, None)

    def _run_steps(self, operation: Operation) -> None:
        with closing(self.handlers[operation.kind](operation)) as steps:
            while not self._is_over(operation):
                self.preparing[operation.id] = operation
                step = next(steps, None)
                del self.preparing[operation.id]
                if step is None:
                    raise RuntimeError("the steps ended without a response")
                with OPERATION_STEP_SECONDS.labels(operation.kind).time():
                    operation = in_transaction(_store, operation, step)
                OPERATION_STEPS.labels(operation.kind, "ok").inc()

    def _is_over(self, operation: Operation) -> bool:
        if operation.done:
            OPERATIONS_ENDED.labels(operation.kind, "done").inc()
        elif operation.cancel_requested:
            _end(operation, "cancelled", "CANCELLED", "It was stopped on request.")
        elif self.stop.is_set():
            operations.release(operation)
        else:
            return False
        return True


def _store(tx: Transaction, operation: Operation, step: Step) -> Operation:
    return operations.advance(tx, operation, step(tx))


def _put_off(operation: Operation, error: Exception) -> None:
    OPERATION_STEPS.labels(operation.kind, "retry").inc()
    attempts = operations.put_off(operation, f"{type(error).__name__}: {error}")
    place = {"operation": operation.id, "kind": operation.kind, "attempts": attempts}
    log.warning("step failed", **place, exc_info=error)


def _end(operation: Operation, ending: str, reason: str, detail: str) -> None:
    if operations.fail(operation, reason, detail):
        OPERATIONS_ENDED.labels(operation.kind, ending).inc()
