"""Changing what is stored while old and new processes run: expand, fill in, contract.

A migration that expands has beside `up` (make room for the new; the old stays):

    backfill(database, after) -> Batch   gives some rows the new, beginning after a position
    lacking(database) -> int             how many rows lack the new
    contract(database) -> None           takes the old away; called when no row lacks the new

Until it is contracted, new processes write old and new, and read either. `contract` of this module
is what an operator runs when no old process is left.
"""

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import NotAllowed
from crm_chassis.mongo.connection import database
from crm_chassis.telemetry.logging import logger

if TYPE_CHECKING:
    from pymongo.collection import Collection
    from pymongo.database import Database

    Data = Database[dict[str, Any]]

COLLECTION = "migrations"
# So long a process goes by what it knows of the switch.
REMEMBERED = 2.0
# How often rows are looked through that were written in the old way meanwhile.
PASSES = 5
log = logger(__name__)


class Batch(NamedTuple):
    """How far a batch came: the position that the next begins after, empty at the end."""

    after: str
    rows: int


class Expansion(Protocol):
    """A migration that expands, as a module."""

    up: Callable[["Data"], None]
    backfill: Callable[["Data", str], Batch]
    lacking: Callable[["Data"], int]
    contract: Callable[["Data"], None]


@dataclass(frozen=True)
class Pace:
    """How long to wait, in seconds: after a batch, until all know of the switch, until it holds."""

    batch: float = 0.01
    switch: float = 5 * REMEMBERED
    settle: float = 5.0


def is_switched(migration: str) -> bool:
    """Whether the old is neither written nor read any more; right within seconds."""
    return _switches.look_up(migration)


def expansion(package: str, migration: str) -> Expansion | None:
    """The migration, when it is one that expands."""
    module = importlib.import_module(f"{package}.{migration}")
    return cast(Expansion, module) if hasattr(module, "contract") else None


def fill_in(package: str, migration: str, pace: Pace | None = None) -> int:
    """Give the new to all rows that lack it, from where it was left on; gives how many were seen.

    Rows that an old process writes meanwhile are looked at in another pass, of which there are
    some: as long as it writes there are always more.
    """
    module, told, seen = _needed(package, migration), pace or Pace(), 0
    after = str((_rows().find_one({"_id": migration}) or {}).get("after", ""))
    for _ in range(PASSES):
        while after or module.lacking(database()):
            batch = module.backfill(database(), after)
            after, seen = batch.after, seen + batch.rows
            progress = {"$set": {"after": after}, "$inc": {"filled": batch.rows}}
            _rows().update_one({"_id": migration}, progress)
            time.sleep(told.batch)
            if not after:
                break
        log.info("filled in", migration=migration, count=seen)
        if not module.lacking(database()):
            break
    return seen


def contract(package: str, migration: str, pace: Pace | None = None) -> None:
    """Fill in what is missing, switch to the new alone, and take the old away.

    Raises:
        NotAllowed: an old process still writes; then nothing is switched.
    """
    module, told = _needed(package, migration), pace or Pace()
    _fill_for_good(package, migration, told)
    _rows().update_one({"_id": migration}, {"$set": {"switched": now()}})
    time.sleep(told.switch)
    try:
        _fill_for_good(package, migration, told)
    except NotAllowed:
        _rows().update_one({"_id": migration}, {"$unset": {"switched": ""}})
        raise
    module.contract(database())
    _rows().update_one({"_id": migration}, {"$set": {"contracted": now()}})
    log.info("contracted", migration=migration)


def is_contracted(migration: str) -> bool:
    """Whether the old is gone for good."""
    return _rows().find_one({"_id": migration, "contracted": {"$exists": True}}) is not None


def begin_contracted(module: Expansion, migration: str) -> None:
    """Let a new database begin with the new alone: it has no rows, and never had a process."""
    module.contract(database())
    moment = now()
    _rows().update_one({"_id": migration}, {"$set": {"switched": moment, "contracted": moment}})


def _fill_for_good(package: str, migration: str, pace: Pace) -> None:
    """Fill in, and see that nobody writes the old any more."""
    fill_in(package, migration, pace)
    time.sleep(pace.settle)
    if _needed(package, migration).lacking(database()):
        raise NotAllowed(f"{migration}: a process of an earlier release still writes.")


def _needed(package: str, migration: str) -> Expansion:
    module = expansion(package, migration)
    if module is None:
        raise ValueError(f"{migration} does not expand")
    return module


class _Switches:
    """What this process knows of switches, by database and migration."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[tuple[str, str], tuple[float, bool]] = {}

    def look_up(self, migration: str) -> bool:
        key = (database().name, migration)
        with self._lock:
            until, switched = self._known.get(key, (0.0, False))
        if time.monotonic() < until:
            return switched
        wanted = {"_id": migration, "switched": {"$exists": True}}
        switched = _rows().find_one(wanted, {"_id": 1}) is not None
        with self._lock:
            self._known[key] = time.monotonic() + REMEMBERED, switched
        return switched


_switches = _Switches()


def _rows() -> "Collection[dict[str, Any]]":
    return database()[COLLECTION]
