"""Reads of pipelines."""

from crm_chassis.kernel.errors import NotFound
from crm_chassis.resources.translate import name_of
from crm_sales.pipelines.documents import Pipeline
from crm_sales.pipelines.rules import OPEN, Step


def default_pipeline() -> str | None:
    """The name of the oldest pipeline that stands; None when there is none."""
    row = Pipeline.rows().find_one({"delete_time": None}, sort=[("create_time", 1), ("_id", 1)])
    return name_of(row, Pipeline.collection()) if row is not None else None


def steps_in(pipeline: str) -> list[Step]:
    """The stages of a pipeline, whoever may see it: they are the rules of the deals in it.

    Raises:
        NotFound: there is none of that name.
    """
    row = Pipeline.rows().find_one(Pipeline.key_of(pipeline))
    if row is None:
        raise NotFound(f"There is no {pipeline}.")
    return steps_of(Pipeline.of_row(row))


def steps_of(pipeline: Pipeline) -> list[Step]:
    """The stages of a pipeline as decisions need them."""
    return [Step(stage.id, stage.kind or OPEN, stage.probability or 0) for stage in pipeline.stages]
