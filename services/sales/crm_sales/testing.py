"""Pipelines and deals, stored with sensible values, and the customers that they speak of."""

from collections.abc import Sequence
from typing import Any

from crm_chassis.kernel.ids import new_id
from crm_chassis.resources.known import keep_rows, known_row
from crm_chassis.resources.transaction import in_transaction
from crm_sales.deals.commands import create_deal
from crm_sales.deals.documents import Deal, Participant
from crm_sales.pipelines.commands import create_pipeline
from crm_sales.pipelines.documents import Pipeline, Stage

STAGES = (
    ("talk", 20, "OPEN"),
    ("offer", 50, "OPEN"),
    ("won", 100, "WON"),
    ("lost", 0, "LOST"),
)


def a_pipeline(stages: Sequence[tuple[str, int, str]] = STAGES, **fields: Any) -> Pipeline:
    built = [
        Stage(id=id_, display_name=id_.title(), probability=probability, kind=kind)
        for id_, probability, kind in stages
    ]
    values = {"display_name": "Partners", "stages": built, **fields}
    return in_transaction(create_pipeline, Pipeline(**values))


def a_deal(**fields: Any) -> Deal:
    values = {"display_name": "Anvils", **fields}
    return in_transaction(create_deal, Deal(**values))


def a_deal_with(*contacts: str, **fields: Any) -> Deal:
    return a_deal(contacts=[Participant(contact=contact) for contact in contacts], **fields)


def a_known(collection: str, display_name: str) -> str:
    """The name of a customer of whom events have told."""
    name = f"{collection}/{new_id()}"
    keep_rows([known_row({"name": name, "displayName": display_name}, 1)])
    return name
