"""Storing many resources of one kind at once: made ready together, written in few steps."""

from collections.abc import Iterable, Sequence
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne

from crm_chassis.kernel.clock import MILLISECOND, now
from crm_chassis.kernel.errors import Conflict
from crm_chassis.mongo.connection import database
from crm_chassis.resources.claims import claims_of, take_claims
from crm_chassis.resources.complete import complete_row
from crm_chassis.resources.document import Resource
from crm_chassis.resources.event_log import event_row
from crm_chassis.resources.ledger import receipt_row
from crm_chassis.resources.search import set_words
from crm_chassis.resources.transaction import Announced, Transaction
from crm_chassis.resources.translate import name_of
from crm_chassis.telemetry.context import current_call

Row = dict[str, Any]
Change = tuple[Row, Row]


def announced_rows(
    document: type[Resource], rows: Sequence[Row], word: str = "created"
) -> list[Announced]:
    """New rows with what storing sets, their events, and a receipt for each, for the current call.

    They may be made while the transaction before still runs; `Transaction.insert_announced` stores
    them, and has nothing left to encode.
    """
    # Without its zone, which is UTC, a moment is written three times as fast.
    call, moment = current_call(), now().replace(tzinfo=None)
    complete = [complete_row(document, row, call, moment) for row in rows]
    events = [event_row(document, word, None, row, call) for row in complete]
    receipts = (receipt_row(call, moment, [event]) for event in events)
    return [
        Announced(*map(_encoded, made)) for made in zip(complete, events, receipts, strict=True)
    ]


def _encoded(row: Row) -> RawBSONDocument:
    return RawBSONDocument(bson.encode(row))


def update_rows(
    tx: Transaction, document: type[Resource], changes: Sequence[Change], word: str = "updated"
) -> list[Row]:
    """Store rows as their next versions, announce each, and give them as they are stored.

    A change is a row as the transaction read it, and as it is to be; the two differ. That nobody
    else has their unique values the caller has made sure of.

    Raises:
        Conflict: somebody else changed one at the same moment.
    """
    versions = [(before, _next_version(tx, document, before, after)) for before, after in changes]
    _move_claims(tx, document, versions)
    writes = [
        UpdateOne({"_id": before["_id"], "version": before["version"]}, _difference(before, after))
        for before, after in versions
    ]
    done = document.rows().bulk_write(writes, ordered=False, session=tx.session)
    if done.matched_count != len(writes):
        raise Conflict("Somebody else changed one of them at the same moment.")
    tx.announce([event_row(document, word, before, after, tx.call) for before, after in versions])
    return [after for _, after in versions]


def _next_version(tx: Transaction, document: type[Resource], before: Row, after: Row) -> Row:
    row = {
        **after,
        "version": before["version"] + 1,
        "update_time": max(tx.now, before["update_time"] + MILLISECOND),
    }
    set_words(document, row)
    return row


def _difference(before: Row, after: Row) -> Row:
    change: Row = {
        "$set": {name: value for name, value in after.items() if before.get(name) != value}
    }
    gone = before.keys() - after.keys()
    return {**change, "$unset": dict.fromkeys(gone, "")} if gone else change


def _move_claims(tx: Transaction, document: type[Resource], changes: Iterable[Change]) -> None:
    gone: list[str] = []
    taken: dict[str, str] = {}
    for before, after in changes:
        old, new = claims_of(document, before), claims_of(document, after)
        name = name_of(after, document.collection())
        gone += old.keys() - new.keys()
        taken.update(dict.fromkeys(new.keys() - old.keys(), name))
    if gone:
        database()["external_ids"].delete_many({"_id": {"$in": gone}}, session=tx.session)
    take_claims(taken, tx.session)
