"""Leases: a name belongs to one process at a time, for as long as that process says so in time.

Whether a lease has run out is decided by the database's clock, and by the holder on its own, a
margin earlier: no two clocks are compared. Each change of hands counts the token up, so that a
holder who lost a lease and got it again can tell what it began under the former one.
"""

import os
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_chassis.mongo.connection import database

if TYPE_CHECKING:
    from pymongo.collection import Collection as Rows

SECONDS = 15.0
# So much earlier the holder takes a lease for lost: what it began is over before another starts.
MARGIN = 2.0
_LONG_AGO = datetime.fromtimestamp(0, UTC)
_RUN_OUT = {"$expr": {"$lt": ["$expires", "$$NOW"]}}


@dataclass(frozen=True, slots=True)
class Lease:
    """A name that is ours until the moment `until` of this machine's clock (`clock()`)."""

    name: str
    token: int
    until: float

    @property
    def is_held(self) -> bool:
        return clock() < self.until


def clock() -> float:
    """Seconds that also pass while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def this_process() -> str:
    """A holder's name that no other process, earlier or later, ever has: `place/pid.start`."""
    return f"{_place()}/{os.getpid()}.{_started(os.getpid())}"


def take(
    names: Collection[str], owner: str, seconds: float = SECONDS, limit: int = 0
) -> list[Lease]:
    """Those of `names` that were free, had run out, or whose holder's process has ended.

    At most `limit` when that is told.
    """
    begun = clock()
    known = {row["_id"]: row["owner"] for row in _rows().find({"_id": {"$in": list(names)}})}
    for name in set(names) - known.keys():
        _rows().update_one({"_id": name}, {"$setOnInsert": _nobody()}, upsert=True)
    gone = [holder for holder in set(known.values()) if _has_ended(holder)]
    free = {"$or": [_RUN_OUT, {"owner": {"$in": gone}}]}
    found = _rows().find({"_id": {"$in": list(names)}, **free}, {"_id": 1}, limit=limit)
    chosen = [row["_id"] for row in found]
    token = {"$add": ["$token", 1]}
    change = {"$set": {"owner": owner, "token": token, "expires": _expiry(seconds)}}
    _rows().update_many({"_id": {"$in": chosen}, **free}, [change])
    return _held(chosen, owner, begun, seconds)


def renew(leases: Iterable[Lease], owner: str, seconds: float = SECONDS) -> list[Lease]:
    """The same leases from now on, less those that another has taken."""
    begun = clock()
    tokens = {lease.name: lease.token for lease in leases}
    _rows().update_many(
        {"_id": {"$in": list(tokens)}, "owner": owner}, [{"$set": {"expires": _expiry(seconds)}}]
    )
    held = _held(tokens, owner, begun, seconds)
    return [lease for lease in held if lease.token == tokens[lease.name]]


def release(names: Iterable[str], owner: str) -> None:
    """Let others take them at once."""
    _rows().update_many({"_id": {"$in": list(names)}, "owner": owner}, {"$set": _nobody_now()})


def attend(group: str, owner: str, seconds: float = SECONDS) -> int:
    """Count this process among a group's members for a while; gives how many there are."""
    key = {"_id": _membership(group, owner)}
    change = {"group": group, "owner": owner, "expires": _expiry(seconds)}
    _rows().update_one(key, [{"$set": change}], upsert=True)
    members = list(_rows().find({"group": group}))
    gone = [row["_id"] for row in members if _has_ended(row["owner"])]
    _rows().delete_many({"group": group, "$or": [_RUN_OUT, {"_id": {"$in": gone}}]})
    return max(1, _rows().count_documents({"group": group}))


def leave(group: str, owner: str) -> None:
    """Be no member any more."""
    _rows().delete_one({"_id": _membership(group, owner)})


def _held(names: Collection[str], owner: str, begun: float, seconds: float) -> list[Lease]:
    until = begun + seconds - min(MARGIN, seconds / 4)
    rows = _rows().find({"_id": {"$in": list(names)}, "owner": owner})
    return [Lease(row["_id"], row["token"], until) for row in rows]


def _expiry(seconds: float) -> dict[str, Any]:
    return {"$add": ["$$NOW", round(seconds * 1000)]}


def _nobody() -> dict[str, Any]:
    return {"token": 0, **_nobody_now()}


def _nobody_now() -> dict[str, Any]:
    return {"owner": "", "expires": _LONG_AGO}


def _membership(group: str, owner: str) -> str:
    return f"{group}/{owner}"


@cache
def _place() -> str:
    """Where a pid means a process: one boot of one machine, and the namespace of its pids."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"


def _has_ended(owner: str) -> bool:
    """Whether the holder is a process of this place that is no more."""
    place, _, process = owner.partition("/")
    pid, _, start = process.partition(".")
    return place == _place() and _started(int(pid)) != start


def _started(pid: int) -> str:
    """When a process began, in the kernel's ticks; empty when there is none. See proc(5)."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, *rest = told.rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]


def _rows() -> "Rows[dict[str, Any]]":
    return database()["leases"]
