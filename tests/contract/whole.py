"""Answers that several services give together, once each of them has answered in time.

A view and a search wait for nobody longer than a second: on a busy machine somebody may be late,
and the answer says so. What such an answer looks like is tested in `faults/`.
"""

from collections.abc import Callable
from typing import Any

from crm_chassis.testing.suite import Answer, Client
from crm_chassis.testing.waiting import wait_until

OF_THE_MOMENT = (503, 504)


def view_of(client: Client, customer: str, **query: Any) -> Any:
    """The view of a customer."""
    return whole(lambda: client.get(f"/v1/{customer}:customerView", **query)).ok()


def search_for(client: Client, words: str, **query: Any) -> Any:
    """The first page of what a search finds."""
    return whole(lambda: client.get("/v1/search", query=words, **query)).ok()


def whole(ask: Callable[[], Answer]) -> Answer:
    """The first answer in which nobody is missing for being late; asked again until then."""
    return wait_until(lambda: is_whole(answer := ask()) and answer, what="a whole answer")


def is_whole(answer: Answer) -> bool:
    """Whether nobody is missing from it but who is denied to the caller."""
    if answer.status != 200:
        return answer.status not in OF_THE_MOMENT
    sections = answer.body.get("sections", {}).values()
    is_late = any(section.get("reason", "DENIED") != "DENIED" for section in sections)
    return not is_late and not answer.body.get("unavailable")
