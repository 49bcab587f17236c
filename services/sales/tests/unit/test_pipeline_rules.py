"""What a pipeline may look like, and which way deals go through it."""

import pytest

from crm_chassis.kernel.errors import Invalid, NotAllowed
from crm_sales.pipelines.rules import (
    LOST,
    OPEN,
    WON,
    Step,
    first_of,
    refuse_loss_of_used,
    refuse_unusable,
    step_after,
    step_of,
)

TALK, OFFER = Step("talk", OPEN, 20), Step("offer", OPEN, 50)
STEPS = [TALK, OFFER, Step("won", WON, 100), Step("lost", LOST, 0)]


def test_stages_are_told_apart_by_their_ids():
    with pytest.raises(Invalid) as refused:
        refuse_unusable([TALK, OFFER, TALK])

    assert [(flaw.field, flaw.reason) for flaw in refused.value.flaws] == [
        ("stages[2].id", "REPEATED")
    ]


def test_a_deal_needs_a_stage_to_begin_in():
    with pytest.raises(Invalid) as refused:
        refuse_unusable(STEPS[2:])

    assert refused.value.flaws[0].reason == "NO_OPEN_STAGE"


def test_a_stage_that_deals_are_in_stays():
    refuse_loss_of_used(STEPS, {"talk"})

    with pytest.raises(NotAllowed):
        refuse_loss_of_used(STEPS[1:], {"talk"})


def test_the_next_stage_is_an_open_one():
    assert step_after(STEPS, "talk") == OFFER
    assert step_after([TALK, STEPS[2], OFFER], "talk") == OFFER
    with pytest.raises(NotAllowed):
        step_after(STEPS, "offer")


def test_the_first_stage_of_a_kind():
    assert first_of(STEPS, OPEN) == TALK
    assert first_of([TALK], WON) is None


@pytest.mark.parametrize(("stage", "reason"), [("won", "CLOSED_STAGE"), ("x", "UNKNOWN_STAGE")])
def test_only_open_stages_of_the_pipeline_can_be_entered(stage, reason):
    with pytest.raises(Invalid) as refused:
        step_of(STEPS, stage, "stage")

    [flaw] = refused.value.flaws
    assert (flaw.field, flaw.reason) == ("stage", reason)
