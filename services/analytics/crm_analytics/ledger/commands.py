"""Changes of the watch: who looks, what the minutes came to, and how far each source is."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReplaceOne

from crm_analytics.ledger.documents import WATCH, minutes, watches
from crm_analytics.ledger.rules import MINUTE, Balance, Span, next_look
from crm_chassis.kernel.clock import now, rfc3339
from crm_chassis.mongo.claiming import LEASE, ClaimLost, claim_row

_COUNTS = ("accepted", "stored", "published", "archived")


def claim_watch() -> str:
    """Be the one who looks, when a look is due; the claim, empty when it is not."""
    row = claim_row(watches(), {"_id": WATCH})
    return row["claim"] if row else ""


def renew_watch(claim: str) -> bool:
    """Keep the claim for another lease; tells whether it still was this process's."""
    changed = watches().update_one(_claimed(claim), {"$set": {"ready": now() + LEASE}})
    return changed.matched_count == 1


def release_watch(claim: str, pause: timedelta) -> None:
    """Let whoever comes first look again after a pause."""
    change = {"$set": {"ready": now() + pause, "attempts": 0}, "$unset": {"claim": ""}}
    watches().update_one(_claimed(claim), change)


def keep_minutes(claim: str, source: str, span: Span, balances: Mapping[datetime, Balance]) -> None:
    """Store what each minute of a span came to; in the others nothing happened.

    Raises:
        ClaimLost: another process looks by now.
    """
    if not renew_watch(claim):
        raise ClaimLost(WATCH)
    rows = (_row(source, start, balances.get(start)) for start in _starts(span))
    minutes().bulk_write(
        [ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in rows], ordered=False
    )


def keep_until(claim: str, source: str, until: datetime) -> None:
    """Remember that every minute before this moment was looked at and answered.

    Raises:
        ClaimLost: another process looks by now.
    """
    changed = watches().update_one(_claimed(claim), {"$set": {f"until.{source}": until}})
    if changed.matched_count != 1:
        raise ClaimLost(WATCH)


def _starts(span: Span) -> Iterator[datetime]:
    start = span.start
    while start < span.end:
        yield start
        start += MINUTE


def _row(source: str, start: datetime, balance: Balance | None) -> dict[str, Any]:
    told, moment = balance or Balance(source), now()
    return {
        "_id": f"{source} {rfc3339(start)}",
        "source": source,
        "start": start,
        "checked": moment,
        "again": next_look(start, moment, told.difference),
        **{name: getattr(told, name) for name in _COUNTS},
        "missing": told.difference,
    }


def _claimed(claim: str) -> dict[str, str]:
    return {"_id": WATCH, "claim": claim}
