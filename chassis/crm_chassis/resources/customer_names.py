"""How customers are called: a copy beside each resource that refers to them, kept by events.

A document that shows it has a field `customer_display_names`, a map from resource names.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crm_chassis.resources.customers import concerning, customers_of
from crm_chassis.resources.document import Resource
from crm_chassis.resources.known import keep_known

if TYPE_CHECKING:
    from crm_chassis.events.envelope import Event
    from crm_chassis.resources.transaction import Transaction

FIELD = "customer_display_names"


def take_names(tx: "Transaction", document: Any) -> None:
    """Give a document the names of the customers that it refers to now.

    Raises:
        NotFound: nothing is known of one: no check of the reference went before.
    """
    names = customers_of(document.descriptor(), [document.to_row()])
    setattr(document, FIELD, {name: tx.known(name).display_name for name in names})


def keep_names(tx: "Transaction", events: Sequence["Event"], document: type[Resource]) -> None:
    """Take over from events of customers how these are called, wherever that is shown."""
    keep_known(tx, events)
    for event in events:
        wanted = concerning(document.descriptor(), event.subject)
        name = event.data.get("displayName", "")
        tx.derive(document, wanted, **{f"{FIELD}.{event.subject}": name})
