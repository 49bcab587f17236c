"""Cases and messages, stored with sensible values, and customers that are known."""

from typing import Any

from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo.numbers import next_number
from crm_chassis.resources.known import keep_rows, known_row
from crm_chassis.resources.transaction import in_transaction
from crm_service_desk.cases.commands import create_case
from crm_service_desk.cases.documents import Case
from crm_service_desk.messages.commands import create_message
from crm_service_desk.messages.documents import Message


def a_case(**fields: Any) -> Case:
    values = {"subject": "It does not print", **fields}
    return in_transaction(create_case, Case(**values), next_number(Case.collection()))


def a_message(case: Case, kind: str = "CUSTOMER", **fields: Any) -> Message:
    values = {"kind": kind, "body": "Nothing comes out.", **fields}
    return in_transaction(create_message, case.name, Message(**values))


def a_known(collection: str, display_name: str) -> str:
    """The name of a customer that events have told of."""
    name = f"{collection}/{new_id()}"
    keep_rows([known_row({"name": name, "displayName": display_name}, 1)])
    return name
