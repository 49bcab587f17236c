"""Numbered migrations: each runs once, in order, by whichever process migrates first.

A migration is a module `NNNN_name.py` of the service's `migrations` package with a function
`up(database)`. It may run again after a crash, so it must not mind finding its own work. One that
changes what is stored also says how that is contracted later: expansion.py.
"""

import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pymongo.errors import AutoReconnect

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Refusal, Unavailable
from crm_chassis.mongo.connection import connect, database, disconnect
from crm_chassis.mongo.expansion import (
    COLLECTION,
    Pace,
    begin_contracted,
    contract,
    expansion,
    is_contracted,
)
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
        target[COLLECTION].update_one({"_id": name}, {"$setOnInsert": {"time": now()}}, upsert=True)
        module = expansion(package, name)
        if module is not None and not done:
            begin_contracted(module, name)
        ran.append(name)
    return ran


def contract_all(package: str, pace: Pace | None = None) -> list[str]:
    """Contract what has been expanded, in order. Gives the names of what was contracted now.

    Raises:
        Unavailable: a migration has not run.
        NotAllowed: a process of an earlier release still writes.
    """
    require_schema(package)
    open_ = [
        name for name in _names(package) if expansion(package, name) and not is_contracted(name)
    ]
    for name in open_:
        contract(package, name, pace)
    return open_


def run(settings: ServiceSettings, package: str) -> None:
    """Wait for the database and migrate it: the `migrate` process.

    Raises:
        PyMongoError: the database is not there within a minute.
    """
    _run(settings, package, "migrate", migrate)


def run_contract(settings: ServiceSettings, package: str) -> None:
    """The same for what is left of earlier releases: the `contract` process.

    Raises:
        SystemExit: it cannot be contracted yet; says why.
        PyMongoError: the database is not there within a minute.
    """
    try:
        _run(settings, package, "contract", contract_all)
    except Refusal as refusal:
        raise SystemExit(refusal.detail) from refusal


def _run(
    settings: ServiceSettings, package: str, process: str, work: Callable[[str], list[str]]
) -> None:
    connect(settings.need("mongodb_uri").mongodb_uri, settings.database_name)
    start_logging(settings.service, process, settings.log_level)
    deadline = time.monotonic() + LONGEST_WAIT
    while True:
        try:
            ran = work(package)
            break
        except AutoReconnect:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
    log.info("migrated", count=len(ran))
    disconnect()


def require_schema(package: str) -> None:
    """Do nothing when the database is as this release needs it.

    Every migration that it knows has run, and nothing was contracted that it does not know: it
    would miss the old. Others that it does not know do no harm: they only expand.

    Raises:
        Unavailable: it is not.
        PyMongoError: the database does not tell soon.
    """
    known = set(_names(package))
    with time_limit(PROBE_SECONDS):
        done = _done()
    if missing := sorted(known - done.keys()):
        raise Unavailable(f"The database waits for {missing[0]}.", reason="SCHEMA_NOT_READY")
    if beyond := sorted(name for name in done.keys() - known if done[name]):
        raise Unavailable(f"The database is beyond {beyond[0]}.", reason="SCHEMA_TOO_NEW")


def _names(package: str) -> Iterator[str]:
    found = importlib.import_module(package)
    yield from sorted(
        module.name
        for module in pkgutil.iter_modules(found.__path__)
        if _NUMBERED.fullmatch(module.name)
    )


def _done() -> dict[str, bool]:
    """What has run, and whether it was contracted since."""
    rows = database()[COLLECTION].find({}, {"contracted": 1})
    return {row["_id"]: "contracted" in row for row in rows}
