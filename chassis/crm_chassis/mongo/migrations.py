"""Numbered migrations: each runs once, in order, by whichever process migrates first.

A migration is a module `NNNN_name.py` of the service's `migrations` package with a function
`up(database)`. It may run again after a crash, so it must not mind finding its own work.
"""

import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pymongo.errors import AutoReconnect

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Unavailable
from crm_chassis.mongo.connection import connect, database, disconnect
from crm_chassis.mongo.failures import PROBE_SECONDS, time_limit
from crm_chassis.settings import ServiceSettings
from crm_chassis.telemetry.logging import logger, start_logging

if TYPE_CHECKING:
    from pymongo.database import Database

Up = Callable[["Database[dict[str, Any]]"], None]
LONGEST_WAIT = 60.0
PAUSE = 0.3
log = logger(__name__)
_NUMBERED = re.compile(r"\d{4}_[a-z0-9_]+")


def migrate(package: str) -> list[str]:
    """Run what has not run yet, in the order of the numbers. Gives the names of what ran."""
    target = database()
    done = _done()
    ran = []
    for name in _names(package):
        if name in done:
            continue
        up: Up = importlib.import_module(f"{package}.{name}").up
        up(target)
        target["migrations"].update_one(
            {"_id": name}, {"$setOnInsert": {"time": now()}}, upsert=True
        )
        ran.append(name)
    return ran


def run(settings: ServiceSettings, package: str) -> None:
    """Wait for the database and migrate it: the `migrate` process.

    Raises:
        PyMongoError: the database is not there within a minute.
    """
    connect(settings.need("mongodb_uri").mongodb_uri, settings.database_name)
    start_logging(settings.service, "migrate", settings.log_level)
    deadline = time.monotonic() + LONGEST_WAIT
    while True:
        try:
            ran = migrate(package)
            break
        except AutoReconnect:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
    log.info("migrated", count=len(ran))
    disconnect()


def require_schema(package: str) -> None:
    """Do nothing when every migration that this release knows has run.

    Raises:
        Unavailable: one has not.
        PyMongoError: the database does not tell soon.
    """
    with time_limit(PROBE_SECONDS):
        missing = sorted(set(_names(package)) - _done())
    if missing:
        raise Unavailable(f"The database waits for {missing[0]}.", reason="SCHEMA_NOT_READY")


def _names(package: str) -> Iterator[str]:
    found = importlib.import_module(package)
    yield from sorted(
        module.name
        for module in pkgutil.iter_modules(found.__path__)
        if _NUMBERED.fullmatch(module.name)
    )


def _done() -> set[str]:
    return {row["_id"] for row in database()["migrations"].find({}, {"_id": 1})}
