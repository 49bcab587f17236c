"""A worker process for tests: it counts in rows what its timer and its operation do."""

import sys
import time
from collections.abc import Generator
from pathlib import Path

from crm_chassis.mongo.connection import database
from crm_chassis.mongo.operations import Operation, Progress
from crm_chassis.mongo.schedule import Timer
from crm_chassis.resources.transaction import Transaction
from crm_chassis.settings import ServiceSettings
from crm_chassis.working.operations import Step
from crm_chassis.working.worker import run


class Settings(ServiceSettings, service="probe"):
    pass


def count_firing(tx: Transaction, timer: Timer) -> None:
    database()["fired"].insert_one({"subject": timer.subject}, session=tx.session)


def count_to_total(operation: Operation) -> Generator[Step, None, None]:
    """One row a step, up to `total`; while `obstacle` exists, step number `wait_at` hangs."""
    total, obstacle = operation.payload["total"], Path(operation.payload.get("obstacle", "/none"))

    def step_of(number: int) -> Step:
        def step(tx: Transaction) -> Progress:
            database()["counted"].insert_one({"number": number}, session=tx.session)
            while number == operation.payload.get("wait_at") and obstacle.exists():
                time.sleep(0.01)
            last = {"counted": total} if number + 1 == total else None
            return Progress(number + 1, 1, 1, 0, total, last)

        return step

    for number in range(operation.cursor or 0, total):
        yield step_of(number)


if __name__ == "__main__":
    settings = Settings(
        mongodb_uri=sys.argv[1], mongodb_database=sys.argv[2], metrics_address=sys.argv[3]
    )
    run(settings, {"count": count_firing}, {"count": count_to_total})
