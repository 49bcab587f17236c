"""Changes to pipelines, on a real database."""

import pytest

from crm_chassis.kernel.errors import Invalid, NotAllowed
from crm_chassis.mongo.migrations import migrate
from crm_chassis.resources.transaction import in_transaction
from crm_sales.deals.commands import delete_deal
from crm_sales.pipelines.commands import delete_pipeline, undelete_pipeline, update_pipeline
from crm_sales.pipelines.documents import Pipeline, Stage
from crm_sales.pipelines.queries import default_pipeline
from crm_sales.testing import a_deal, a_pipeline


def without(pipeline, *stages):
    kept = [stage for stage in pipeline.stages if stage.id not in stages]
    return Pipeline(id=pipeline.id, display_name=pipeline.display_name, stages=kept)


def test_one_is_there_from_the_start_and_told_of_once(database):
    migrate("crm_sales.migrations")

    [pipeline] = Pipeline.rows().find()
    [event] = database["events"].find()
    assert default_pipeline() == event["subject"] == f"pipelines/{pipeline['_id']}"
    assert (event["type"], event["actor"]) == ("crm.sales.pipeline.created.v1", "services/sales")
    assert [stage["kind"] for stage in pipeline["stages"]] == ["OPEN"] * 4 + ["WON", "LOST"]


def test_the_default_one_is_the_oldest_that_stands():
    before, later = default_pipeline(), a_pipeline()

    in_transaction(delete_pipeline, before, "")

    assert default_pipeline() == later.name
    in_transaction(undelete_pipeline, before, "")
    assert default_pipeline() == before


def test_a_stage_that_tells_no_kind_is_open():
    pipeline = a_pipeline(stages=[("talk", 10, None)])

    assert pipeline.stages[0].kind == "OPEN"


def test_two_stages_of_one_id_are_refused():
    with pytest.raises(Invalid):
        a_pipeline(stages=[("talk", 10, "OPEN"), ("talk", 20, "OPEN")])


def test_a_stage_stays_while_deals_are_in_it():
    pipeline = a_pipeline()
    deal = a_deal(pipeline=pipeline.name)

    with pytest.raises(NotAllowed) as refused:
        in_transaction(update_pipeline, without(pipeline, "talk"), ["stages"], "")
    changed = in_transaction(update_pipeline, without(pipeline, "offer"), ["stages"], "")

    assert refused.value.reason == "STAGE_IN_USE"
    assert [stage.id for stage in changed.stages] == ["talk", "won", "lost"]
    in_transaction(delete_deal, deal.name, "")
    in_transaction(update_pipeline, Pipeline(id=pipeline.id, stages=[_open()]), ["stages"], "")


def _open() -> Stage:
    return Stage(id="new", display_name="New", probability=1, kind="OPEN")


def test_a_pipeline_stays_while_deals_go_through_it():
    pipeline = a_pipeline()
    deal = a_deal(pipeline=pipeline.name)

    with pytest.raises(NotAllowed) as refused:
        in_transaction(delete_pipeline, pipeline.name, "")
    in_transaction(delete_deal, deal.name, "")

    assert refused.value.reason == "PIPELINE_IN_USE"
    assert in_transaction(delete_pipeline, pipeline.name, "").delete_time
