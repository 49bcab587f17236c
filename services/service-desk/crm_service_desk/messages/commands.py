"""Changes to messages. Each runs in one transaction and announces what it did."""

from crm_chassis.resources.transaction import Transaction
from crm_service_desk.cases.commands import answer_case, hear_customer
from crm_service_desk.cases.documents import Case
from crm_service_desk.messages.documents import Message
from crm_service_desk.messages.rules import CUSTOMER, NOTE, REPLY


def create_message(tx: Transaction, name: str, message: Message) -> Message:
    """Store what was written about a case; it may change where the case stands.

    Raises:
        NotFound: there is no such case.
        NotAllowed: nobody may write to the customer, or the customer to us, in its state.
    """
    if message.kind == NOTE:
        return _store(tx, tx.see(Case, name), message)
    # Held: the case may not be closed at the same moment.
    tx.hold(Case, [name])
    case = tx.load(Case, name)
    if message.kind == CUSTOMER:
        hear_customer(tx, case)
    else:
        answer_case(tx, case)
    return _store(tx, case, message)


def reply_to_case(tx: Transaction, name: str, body: str, etag: str) -> Case:
    """Answer the customer of a case.

    Raises:
        NotFound: there is no such case.
        Stale: an `etag` is given, and it has changed since.
        NotAllowed: it is resolved or closed.
    """
    tx.hold(Case, [name])
    case = answer_case(tx, tx.load(Case, name, expecting=etag))
    _store(tx, case, Message(kind=REPLY, body=body))
    return case


def _store(tx: Transaction, case: Case, message: Message) -> Message:
    principal = tx.call.principal
    message.container = case.name
    message.author = principal.user or principal.name
    message.subject, message.contact = case.subject, case.contact
    message.organization = case.organization
    return tx.insert(message)
