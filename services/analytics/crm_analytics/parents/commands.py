"""What is kept of parents, from the same events as the journal."""

from collections.abc import Sequence

from crm_analytics.parents.rules import is_parent, ownership
from crm_chassis.events.envelope import Event
from crm_chassis.resources.known import keep_rows, known_row
from crm_chassis.resources.transaction import Transaction


def keep_parents(tx: Transaction, events: Sequence[Event]) -> None:
    """Take over display name, owner and teams; an event older than what is known is passed over."""
    rows = [
        known_row(event.data, event.sequence) | ownership(event.collection, event.data)
        for event in events
        if is_parent(event.subject, event.parent)
    ]
    keep_rows(rows, tx.session)
