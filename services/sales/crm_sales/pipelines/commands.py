"""Changes to pipelines. Each runs in one transaction and announces what it did."""

from collections.abc import Sequence

from crm_chassis.kernel.errors import NotAllowed
from crm_chassis.mongo.guards import exclude
from crm_chassis.resources.document import take_over
from crm_chassis.resources.transaction import Transaction
from crm_sales.deals.queries import stages_in_use
from crm_sales.pipelines.documents import Pipeline
from crm_sales.pipelines.queries import steps_of
from crm_sales.pipelines.rules import OPEN, refuse_loss_of_used, refuse_unusable


def create_pipeline(tx: Transaction, pipeline: Pipeline) -> Pipeline:
    """Store a new pipeline.

    Raises:
        Invalid: its stages cannot be told apart, or none is open.
    """
    _settle(pipeline)
    return tx.insert(pipeline)


def update_pipeline(
    tx: Transaction, changes: Pipeline, paths: Sequence[str], etag: str
) -> Pipeline:
    """Take over from `changes` the fields that `paths` name.

    Raises:
        NotFound: there is no such pipeline.
        Stale: an `etag` is given, and it has changed since.
        Invalid: as in `create_pipeline`.
        NotAllowed: deals are in a stage that would be gone.
    """
    pipeline = tx.load(Pipeline, changes.name, expecting=etag)
    take_over(changes, pipeline, paths)
    _settle(pipeline)
    exclude(tx, pipeline.name)
    refuse_loss_of_used(steps_of(pipeline), stages_in_use(pipeline.name))
    return tx.update(pipeline)


def delete_pipeline(tx: Transaction, name: str, etag: str) -> Pipeline:
    """Take a pipeline away.

    Raises:
        NotFound, Stale: as in `update_pipeline`.
        NotAllowed: deals go through it.
    """
    pipeline = tx.load(Pipeline, name, expecting=etag)
    exclude(tx, name)
    if stages_in_use(name):
        raise NotAllowed("Deals go through it.", reason="PIPELINE_IN_USE")
    return tx.delete(pipeline)


def undelete_pipeline(tx: Transaction, name: str, etag: str) -> Pipeline:
    """Bring a pipeline back.

    Raises:
        NotFound, Stale: as in `update_pipeline`.
        NotAllowed: it was not taken away.
    """
    return tx.undelete(tx.load_deleted(Pipeline, name, expecting=etag))


def _settle(pipeline: Pipeline) -> None:
    for stage in pipeline.stages:
        stage.kind = stage.kind or OPEN
    refuse_unusable(steps_of(pipeline))
