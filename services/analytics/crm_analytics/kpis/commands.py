"""Changes to what indicators follow from."""

from collections.abc import Sequence

from crm_analytics.insights.commands import amount_of
from crm_analytics.insights.rules import KINDS, OPEN
from crm_analytics.journal.documents import journal
from crm_analytics.kpis.documents import LASTING, open_spans
from crm_chassis.events.envelope import Event
from crm_chassis.resources.transaction import Transaction

_COLLECTIONS = frozenset({"deals", "cases"})


def keep_open_spans(tx: Transaction, events: Sequence[Event]) -> None:
    """Keep from when to when deals and cases were open, in whatever order their events arrive.

    The events are in the journal by now.
    """
    for event in events:
        if event.collection in _COLLECTIONS:
            _close_earlier(tx, event)
            _open(tx, event)


def _close_earlier(tx: Transaction, event: Event) -> None:
    earlier = {"subject": event.subject, "sequence": {"$lt": event.sequence}}
    lasting = {**earlier, "end": {"$gt": event.time}}
    open_spans().update_many(lasting, {"$set": {"end": event.time}}, session=tx.session)


def _open(tx: Transaction, event: Event) -> None:
    told = KINDS[event.collection](event.subject, event.sequence, event.parent, event.data)
    if told.deleted or told.state != OPEN:
        return
    later = {"subject": event.subject, "sequence": {"$gt": event.sequence}}
    next_one = journal().find_one(later, {"time": 1}, sort=[("sequence", 1)], session=tx.session)
    row = {
        "_id": f"{event.subject}@{event.sequence}",
        "subject": event.subject,
        "sequence": event.sequence,
        "collection": event.collection,
        "parent": event.parent,
        "start": event.time,
        "end": next_one["time"] if next_one else LASTING,
    }
    if told.amount is not None:
        row["amount"] = amount_of(told.amount)
    open_spans().insert_one(row, session=tx.session)
