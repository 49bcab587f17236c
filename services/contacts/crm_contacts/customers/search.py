"""Finding contacts and organizations by words, for the search over all services."""

from collections.abc import Mapping
from typing import Any

from crm.api.v1 import customers_pb2

from crm_chassis.resources.document import Resource
from crm_chassis.resources.pages import Question, Sort, begin_after, next_token, token_values
from crm_chassis.resources.search import words_condition
from crm_chassis.resources.translate import name_of
from crm_chassis.resources.visibility import condition
from crm_chassis.telemetry.context import current_call
from crm_contacts.contacts.documents import Contact
from crm_contacts.organizations.documents import Organization

Row = dict[str, Any]
_ORDER = (Sort("display_name", 1), Sort("_id", 1))
_SHOWN = {"display_name": 1, "emails": 1, "phones": 1, "domains": 1}


def search_customers(
    request: customers_pb2.SearchServiceRequest,
) -> customers_pb2.SearchServiceResponse:
    """A page of what the caller may see of the contacts and organizations that are found."""
    question = Question(
        page_size=request.page_size,
        page_token=request.page_token,
        about=request.query,
        show_deleted=request.show_deleted,
    )
    values = token_values(question, len(_ORDER))
    rows = [
        (row["display_name"], row["_id"], document, row)
        for document in (Contact, Organization)
        if current_call().principal.level(document.collection(), "READ") is not None
        for row in _find(document, question, values)
    ]
    rows.sort(key=lambda found: found[:2])
    results = [_result(document, row) for _, _, document, row in rows[: question.size]]
    more = len(rows) > question.size
    token = next_token(question, _ORDER, rows[question.size - 1][3]) if more else ""
    return customers_pb2.SearchServiceResponse(results=results, next_page_token=token)


def _find(document: type[Resource], question: Question, values: list[Any] | None) -> list[Row]:
    parts = [words_condition(question.about), condition(document, current_call().principal)]
    if not question.show_deleted:
        parts.append({"delete_time": None})
    if values is not None:
        parts.append(begin_after(_ORDER, values))
    found = document.rows().find({"$and": [part for part in parts if part]}, _SHOWN)
    return list(
        found.sort([(sort.stored, sort.direction) for sort in _ORDER]).limit(question.size + 1)
    )


def _result(document: type[Resource], row: Mapping[str, Any]) -> customers_pb2.SearchResult:
    return customers_pb2.SearchResult(
        name=name_of(row, document.collection()),
        type=f"crm/{document.__name__}",
        display_name=row["display_name"],
        snippet=_snippet(row),
    )


def _snippet(row: Mapping[str, Any]) -> str:
    """How the customer is reached, in a line."""
    points = [email["address"] for email in row.get("emails", [])]
    points += [phone["number"] for phone in row.get("phones", [])]
    points += row.get("domains", [])
    return ", ".join(points[:3])
