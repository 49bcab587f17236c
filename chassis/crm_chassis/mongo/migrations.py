"""Numbered migrations: each runs once, in order, by whichever process migrates first.

A migration is a module `NNNN_name.py` of the service's `migrations` package with a function
`up(database)`. It may run again after a crash, so it must not mind finding its own work.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Unavailable
from crm_chassis.mongo.connection import database

if TYPE_CHECKING:
    from pymongo.database import Database

Up = Callable[["Database[dict[str, Any]]"], None]
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


def require_schema(package: str) -> None:
    """Do nothing when every migration that this release knows has run.

    Raises:
        Unavailable: one has not.
    """
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
