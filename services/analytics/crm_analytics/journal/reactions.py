"""What the service does when anything has happened anywhere."""

from collections.abc import Sequence

from crm_analytics.insights.commands import count_engagements
from crm_analytics.journal.commands import archive
from crm_analytics.kpis.commands import keep_open_spans
from crm_analytics.parents.commands import keep_parents
from crm_chassis.events.envelope import Event
from crm_chassis.resources.transaction import Transaction


def take_up(tx: Transaction, events: Sequence[Event]) -> None:
    """Archive the events, and learn from those that were not in the journal yet.

    An event is in the journal if and only if all else was learnt from it: that is one transaction.
    So the journal is the inbox, and the order and number of deliveries make no difference.
    """
    fresh = archive(tx, events)
    keep_parents(tx, fresh)
    count_engagements(tx, fresh)
    keep_open_spans(tx, fresh)
