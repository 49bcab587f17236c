"""The pipeline that is there from the start: the oldest one is that of deals that name none."""

from typing import TYPE_CHECKING, Any

from crm_chassis.resources.transaction import as_call
from crm_chassis.telemetry.context import own_call
from crm_sales.pipelines.commands import create_pipeline
from crm_sales.pipelines.documents import Pipeline, Stage
from crm_sales.pipelines.rules import LOST, OPEN, WON

if TYPE_CHECKING:
    from pymongo.database import Database

_STAGES = (
    ("qualification", "Qualification", 10, OPEN),
    ("needs", "Needs", 20, OPEN),
    ("proposal", "Proposal", 50, OPEN),
    ("negotiation", "Negotiation", 80, OPEN),
    ("won", "Won", 100, WON),
    ("lost", "Lost", 0, LOST),
)


def up(database: "Database[dict[str, Any]]") -> None:
    """Make it, where there is none yet; it is announced like any other."""
    if Pipeline.rows().find_one({}, {"_id": 1}) is not None:
        return
    names = ("id", "display_name", "probability", "kind")
    stages = [Stage(**dict(zip(names, stage, strict=True))) for stage in _STAGES]
    pipeline = Pipeline(display_name="Sales", stages=stages)
    as_call(own_call("sales", "migrations/0002"), create_pipeline, pipeline)
