"""The one change of the journal: it grows."""

from collections.abc import Sequence

from crm_analytics.journal.documents import journal
from crm_chassis.events.envelope import Event
from crm_chassis.resources.transaction import Transaction


def archive(tx: Transaction, events: Sequence[Event]) -> list[Event]:
    """Keep the events that are not there yet, as they came. Gives these, each once.

    An id that is there already is looked up first: inserting it would end the transaction. Two
    transactions that insert the same id conflict, and the later one runs again and finds it.
    """
    fresh = {event.id: event for event in events}
    there = journal().find({"_id": {"$in": list(fresh)}}, {"_id": 1}, session=tx.session)
    for row in there:
        del fresh[row["_id"]]
    if fresh:
        rows = [{**event.to_row(), "archived": tx.now} for event in fresh.values()]
        journal().insert_many(rows, ordered=False, session=tx.session)
    return list(fresh.values())
