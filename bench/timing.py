"""How late timers fire: two workers of the chassis, and rows that say when each one did.

As a program it is such a worker: `python -m bench.timing URI DATABASE`.
"""

import statistics
import subprocess
import sys
import uuid
from datetime import timedelta
from typing import Any

from pymongo import MongoClient

from bench.stack import ROOT
from crm_chassis.kernel.clock import now
from crm_chassis.mongo import connection, indexes
from crm_chassis.mongo.schedule import Timer, schedule
from crm_chassis.resources.transaction import Transaction, as_call
from crm_chassis.settings import ServiceSettings
from crm_chassis.telemetry.context import own_call
from crm_chassis.testing.waiting import wait_until
from crm_chassis.working.worker import run

TIMERS, WORKERS = 10_000, 2
MINUTE, LEAD = timedelta(minutes=1), timedelta(seconds=20)


class Settings(ServiceSettings, service="bench"):
    """What the worker is told."""


def note_firing(tx: Transaction, timer: Timer) -> None:
    """Write down that it fired, and how late that was."""
    row = {"subject": timer.subject, "late": (now() - timer.due).total_seconds()}
    connection.database()["fired"].insert_one(row, session=tx.session)


def lateness(uri: str) -> float:
    """The 99th percentile of the seconds by which timers fire too late; each fires once."""
    name = f"bench_{uuid.uuid4().hex}"
    with MongoClient[dict[str, Any]](uri) as mongo:
        indexes.create(mongo[name])
        mongo[name].create_collection("fired")
        connection.connect(uri, name)
        as_call(own_call("bench", "timing"), _schedule_all)
        connection.disconnect()
        command = [sys.executable, "-m", "bench.timing", uri, name]
        workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(WORKERS)]
        try:
            fired = mongo[name]["fired"]
            wait_until(lambda: fired.count_documents({}) >= TIMERS, 180, 0.5, "all timers")
            rows = list(fired.find())
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait()
            mongo.drop_database(name)
    if len({row["subject"] for row in rows}) != len(rows):
        raise RuntimeError("a timer has fired twice")
    return statistics.quantiles([row["late"] for row in rows], n=100)[98]


def _schedule_all(tx: Transaction) -> None:
    begin = tx.now + LEAD
    for number in range(TIMERS):
        schedule(tx, "note", f"things/{number}", begin + MINUTE * number / TIMERS)


if __name__ == "__main__":
    settings = Settings(
        mongodb_uri=sys.argv[1], mongodb_database=sys.argv[2], metrics_address="127.0.0.1:0"
    )
    run(settings, {"note": note_firing}, {})
