"""Reads of deals."""

from collections.abc import Iterator
from datetime import datetime

from crm_chassis.mongo.connection import database
from crm_chassis.resources.pages import Question, Sort, next_token, token_values
from crm_chassis.resources.reading import find_row
from crm_sales.deals.documents import Deal
from crm_sales.deals.rules import Stay, stays
from crm_sales.pipelines.rules import OPEN

_ORDER = (Sort("sequence", -1),)


def stages_in_use(pipeline: str) -> set[str]:
    """The ids of the stages of a pipeline that standing deals are in."""
    return set(Deal.rows().distinct("stage", {"pipeline": pipeline, "delete_time": None}))


def last_open_stage(deal: str) -> str | None:
    """The stage that a deal was in when it was last open."""
    event = database()["events"].find_one(
        {"subject": deal, "data.state": OPEN}, {"data.stage": 1}, sort=[("sequence", -1)]
    )
    return event["data"]["stage"] if event is not None else None


def stays_of(deal: str, question: Question) -> tuple[list[Stay], str]:
    """A page of a deal's stays in its stages, newest first, and the token of the next page.

    Raises:
        NotFound: there is no such deal, or it may not be seen.
        Invalid: the page token is not valid.
    """
    find_row(Deal, deal, show_deleted=True)
    values = token_values(question, 1)
    found = [stay for stay in stays(_versions(deal)) if not values or stay.sequence < values[0]]
    found.reverse()
    page = found[: question.size]
    if len(found) == len(page):
        return page, ""
    return page, next_token(question, _ORDER, {"sequence": page[-1].sequence})


def _versions(deal: str) -> Iterator[tuple[int, datetime, str, str]]:
    shown = {"sequence": 1, "time": 1, "actor": 1, "data.stage": 1}
    for row in database()["events"].find({"subject": deal}, shown).sort("sequence", 1):
        yield row["sequence"], row["time"], row["actor"], row["data"].get("stage", "")
