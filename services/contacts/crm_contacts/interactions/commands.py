"""Changes to interactions. Each runs in one transaction and announces what it did."""

from collections.abc import Sequence

from crm_chassis.resources.document import take_over
from crm_chassis.resources.transaction import Transaction
from crm_contacts.contacts.documents import Contact
from crm_contacts.interactions.documents import Interaction


def create_interaction(tx: Transaction, contact: str, interaction: Interaction) -> Interaction:
    """Store that the company and a person were in touch; now, when no time is told.

    Raises:
        NotFound: there is no such contact.
    """
    tx.refuse_unseen(Contact, contact)
    interaction.container = contact
    interaction.occur_time = interaction.occur_time or tx.now
    return tx.insert(interaction)


def update_interaction(
    tx: Transaction, changes: Interaction, paths: Sequence[str], etag: str
) -> Interaction:
    """Take over from `changes` the fields that `paths` name.

    Raises:
        NotFound: there is no such interaction.
        Stale: an `etag` is given, and it has changed since.
    """
    interaction = tx.load(Interaction, changes.name, expecting=etag)
    take_over(changes, interaction, paths)
    interaction.occur_time = interaction.occur_time or interaction.create_time
    return tx.update(interaction)


def delete_interaction(tx: Transaction, name: str, etag: str) -> Interaction:
    """Take an interaction away.

    Raises:
        NotFound, Stale: as in `update_interaction`.
    """
    return tx.delete(tx.load(Interaction, name, expecting=etag))


def undelete_interaction(tx: Transaction, name: str, etag: str) -> Interaction:
    """Bring an interaction back.

    Raises:
        NotFound, Stale: as in `update_interaction`.
        NotAllowed: it was not taken away.
    """
    return tx.undelete(tx.load_deleted(Interaction, name, expecting=etag))
