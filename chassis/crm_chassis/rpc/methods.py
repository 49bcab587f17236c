"""The standard methods of the AIPs: a servicer's get, list and history in one line each."""

from datetime import UTC, datetime
from typing import Any, TypeVar

from google.protobuf.message import Message

from crm_chassis.kernel.clock import milliseconds
from crm_chassis.kernel.errors import Flaw, Invalid
from crm_chassis.resources.document import Resource
from crm_chassis.resources.pages import LARGEST_SIZE, Question
from crm_chassis.resources.reading import (
    Page,
    get_resource,
    history_of,
    list_resources,
    search_resources,
)

Response = TypeVar("Response", bound=Message)


def get(document: type[Resource], request: Any) -> Any:
    """The resource that `request.name` names, as it is or as it was at `request.read_time`.

    Raises:
        NotFound: there is none, or the caller may not see it.
        Invalid: the read time lies in the future.
    """
    return get_resource(
        document, request.name, moment_of(request, "read_time"), request.show_deleted
    )


def list_page(document: type[Resource], request: Any, response_class: type[Response]) -> Response:
    """A page of the resources that the request asks for and the caller may see.

    Raises:
        Invalid: filter, order, page or read time are not valid.
        NotFound: what the resources stand below is not there.
    """
    question = Question(
        filter=request.filter,
        order_by=request.order_by,
        page_size=page_size_of(request),
        page_token=request.page_token,
        show_deleted=getattr(request, "show_deleted", False),
        read_time=moment_of(request, "read_time"),
        container=getattr(request, "parent", ""),
        about=f"list {document.collection()}",
    )
    return _response(response_class, list_resources(document, question))


def search(document: type[Resource], request: Any, response_class: type[Response]) -> Response:
    """A page of the resources whose words begin with those of `request.query`.

    Raises:
        Invalid: the page is not valid.
    """
    question = _plain_question(request, about=f"search {request.query}")
    return _response(response_class, search_resources(document, request.query, question))


def history(document: type[Resource], request: Any, response_class: type[Response]) -> Response:
    """A page of the changes of the resource that `request.name` names, newest first.

    Raises:
        NotFound: there is none, or the caller may not see it.
        Invalid: the page is not valid.
    """
    question = _plain_question(request, about=f"history {request.name}")
    return _response(response_class, history_of(document, request.name, question))


def page_size_of(request: Any, largest: int = LARGEST_SIZE) -> int:
    """How many the page may have; 0 when the request does not say.

    Raises:
        Invalid: more than `largest`, or fewer than none.
    """
    size: int = request.page_size
    if not 0 <= size <= largest:
        flaw = Flaw("page_size", "OUT_OF_RANGE", f"is at most {largest}", "query")
        raise Invalid("The page size is not valid.", flaw)
    return size


def moment_of(request: Any, field: str) -> datetime | None:
    """The moment that a field of the request names; None when it is not set, or has no field."""
    if field not in request.DESCRIPTOR.fields_by_name or not request.HasField(field):
        return None
    moment: datetime = getattr(request, field).ToDatetime(tzinfo=UTC)
    return milliseconds(moment)


def _plain_question(request: Any, about: str) -> Question:
    return Question(
        page_size=page_size_of(request),
        page_token=request.page_token,
        show_deleted=getattr(request, "show_deleted", False),
        about=about,
    )


def _response(response_class: type[Response], page: Page) -> Response:
    """The response whose first field, named like the collection, holds the page."""
    items = response_class.DESCRIPTOR.fields[0].name
    return response_class(**{items: page.messages, "next_page_token": page.next_page_token})
