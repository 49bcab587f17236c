"""Contacts that events have not told of yet: their owner is asked before mail is held back."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crm.contacts.v1 import consents_pb2, consents_pb2_grpc, contacts_pb2, contacts_pb2_grpc
from google.protobuf.message import Message

from crm_campaigns.recipients.commands import keep_consents, keep_contacts
from crm_campaigns.recipients.queries import find_recipients
from crm_campaigns.recipients.rules import Recipient
from crm_chassis.kernel.errors import Invalid, NotFound, Overdue, TooMany, Unavailable
from crm_chassis.resources.translate import row_from_message, row_json
from crm_chassis.rpc.channels import Peers

OWNER = "contacts"
# How many contacts are asked for at the same time: two questions each, and others ask as well.
AT_ONCE = 8
_DIGITS = re.compile(r"\d+")


class Owner:
    """The contacts service, asked in this service's own name."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def ask(self, contacts: Sequence[str], purpose: str) -> Mapping[str, Recipient]:
        """What the owner says of the contacts; it is kept, like what events tell.

        Raises:
            Unavailable: the owner does not answer.
        """
        authorization = self._peers.own_authorization
        people = self._peers.stub(OWNER, contacts_pb2_grpc.ContactServiceStub, authorization)
        saying = self._peers.stub(OWNER, consents_pb2_grpc.ConsentServiceStub, authorization)
        found: dict[str, Recipient] = {}
        for begin in range(0, len(contacts), AT_ONCE):
            some = contacts[begin : begin + AT_ONCE]
            told = [
                (
                    name,
                    people.GetContact.future(contacts_pb2.GetContactRequest(name=name)),
                    saying.ListConsents.future(_consents_of(name, purpose)),
                )
                for name in some
            ]
            answers = [(name, _waited_for(one), _waited_for(all_)) for name, one, all_ in told]
            found |= _kept(answers, purpose)
        return found


def _consents_of(name: str, purpose: str) -> consents_pb2.ListConsentsRequest:
    wanted = f'inForce = true AND channel = EMAIL AND purpose = "{purpose}"'
    return consents_pb2.ListConsentsRequest(parent=name, filter=wanted)


def _waited_for(answer: Any) -> Any:
    """The answer; None where there is no such contact.

    Raises:
        Unavailable: the owner does not answer.
    """
    try:
        return answer.result()
    except (NotFound, Invalid):
        return None
    except (Overdue, TooMany) as error:
        raise Unavailable("The owner of contacts did not answer in time.") from error


def _kept(answers: Iterable[tuple[str, Any, Any]], purpose: str) -> dict[str, Recipient]:
    there = [(contact, consents) for _, contact, consents in answers if contact is not None]
    keep_contacts([(_json(contact), _version(contact)) for contact, _ in there], None)
    said = [consent for _, consents in there if consents for consent in consents.consents]
    keep_consents([_json(consent) for consent in said], None)
    known = find_recipients([contact.name for contact, _ in there], purpose)
    return {name: known.get(name) or Recipient(name, deleted=True) for name, _, _ in answers}


def _json(message: Message) -> dict[str, Any]:
    """A resource as events carry it."""
    told: Any = message
    names = {"name": told.name, "etag": told.etag}
    return {**row_json(message.DESCRIPTOR)(row_from_message(message)), **names}


def _version(message: Any) -> int:
    digits = _DIGITS.search(message.etag)
    return int(digits[0]) if digits else 0
