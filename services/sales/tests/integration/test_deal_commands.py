"""Changes to deals, on a real database."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from bson import Decimal128

from crm_chassis.kernel.errors import Invalid, NotAllowed, NotFound
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.resources.pages import Question
from crm_chassis.resources.reading import list_resources
from crm_chassis.resources.transaction import as_call, in_transaction
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call, a_principal
from crm_sales.deals.commands import (
    advance_deal,
    create_deal,
    delete_deal,
    lose_deal,
    reopen_deal,
    undelete_deal,
    update_deal,
    win_deal,
)
from crm_sales.deals.documents import Deal
from crm_sales.deals.queries import stays_of
from crm_sales.pipelines.commands import update_pipeline
from crm_sales.pipelines.documents import Pipeline
from crm_sales.pipelines.queries import default_pipeline
from crm_sales.testing import a_deal, a_deal_with, a_known, a_pipeline


def words_of(name):
    rows = service_database()["events"].find({"subject": name}).sort("sequence", 1)
    return [row["type"].split(".")[3] for row in rows]


def changed(deal, *paths, **fields):
    return in_transaction(update_deal, Deal(id=deal.id, **fields), paths or [*fields], "")


def test_a_deal_that_names_no_pipeline_begins_in_the_default_one():
    deal = a_deal()

    assert deal.pipeline == default_pipeline()
    assert (deal.stage, deal.probability, deal.state) == ("qualification", 10, "OPEN")
    assert deal.stage_time == deal.create_time


def test_a_deal_may_begin_later_and_be_likelier():
    deal = a_deal(pipeline=a_pipeline().name, stage="offer", probability=0)

    assert (deal.stage, deal.probability) == ("offer", 0)


@pytest.mark.parametrize("stage", ["won", "elsewhere"])
def test_a_deal_cannot_begin_in_a_closed_or_another_stage(stage):
    with pytest.raises(Invalid):
        a_deal(pipeline=a_pipeline().name, stage=stage)


def test_a_deal_advances_to_the_next_open_stage_or_the_one_told():
    deal = a_deal(pipeline=a_pipeline().name, probability=33)

    moved = in_transaction(advance_deal, deal.name, "", "")
    back = in_transaction(advance_deal, deal.name, "talk", "")

    assert (moved.stage, moved.probability) == ("offer", 50)
    assert (back.stage, back.probability) == ("talk", 20)
    in_transaction(advance_deal, deal.name, "", "")
    with pytest.raises(NotAllowed) as refused:
        in_transaction(advance_deal, deal.name, "", "")
    assert refused.value.reason == "LAST_STAGE"
    assert words_of(deal.name) == ["created", "advanced", "advanced", "advanced"]


def test_a_deal_is_won_once_and_opened_again_where_it_was():
    deal = a_deal(pipeline=a_pipeline().name, stage="offer")

    won = in_transaction(win_deal, deal.name, "")

    assert (won.state, won.stage, won.probability) == ("WON", "won", 100)
    assert won.close_time == won.update_time
    for close in (lambda: in_transaction(win_deal, deal.name, ""), lambda: lose(deal, "No")):
        with pytest.raises(NotAllowed):
            close()
    with pytest.raises(NotAllowed):
        in_transaction(advance_deal, deal.name, "", "")
    again = in_transaction(reopen_deal, deal.name, "", "")
    assert (again.state, again.stage, again.probability) == ("OPEN", "offer", 50)
    assert again.close_time is None
    with pytest.raises(NotAllowed):
        in_transaction(reopen_deal, deal.name, "", "")


def lose(deal, reason):
    return in_transaction(lose_deal, deal.name, reason, "")


def test_a_lost_deal_tells_why_until_it_is_opened_again():
    deal = a_deal()

    lost = lose(deal, "Too dear")
    again = in_transaction(reopen_deal, deal.name, "needs", "")

    assert (lost.state, lost.stage, lost.probability) == ("LOST", "lost", 0)
    assert lost.lost_reason == "Too dear"
    assert (again.lost_reason, again.stage) == (None, "needs")
    assert words_of(deal.name) == ["created", "lost", "reopened"]


def test_in_a_pipeline_without_closed_stages_a_won_deal_stays_where_it_is():
    deal = a_deal(pipeline=a_pipeline(stages=[("talk", 10, "OPEN")]).name)

    won = in_transaction(win_deal, deal.name, "")

    assert (won.stage, won.state, won.probability) == ("talk", "WON", 100)


def test_a_change_of_stage_advances_and_of_anything_else_updates():
    deal = a_deal(pipeline=a_pipeline().name)

    changed(deal, display_name="More anvils")
    moved = changed(deal, stage="offer")

    assert moved.probability == 50
    assert words_of(deal.name) == ["created", "updated", "advanced"]


def test_in_another_pipeline_a_deal_begins_anew():
    deal, other = a_deal(), a_pipeline()

    moved = changed(deal, pipeline=other.name)

    assert (moved.pipeline, moved.stage, moved.probability) == (other.name, "talk", 20)


def test_a_closed_deal_takes_words_but_no_other_stage():
    deal = a_deal()
    in_transaction(win_deal, deal.name, "")

    assert changed(deal, display_name="Won anvils").display_name == "Won anvils"
    with pytest.raises(NotAllowed):
        changed(deal, stage="needs")


def test_a_cleared_probability_is_that_of_the_stage():
    deal = a_deal(probability=99)

    assert changed(deal, "probability").probability == 10


def test_a_deal_shows_how_its_customers_are_called():
    ann, acme = a_known("contacts", "Ann"), a_known("organizations", "Acme")

    deal = a_deal_with(ann, organization=acme)

    assert deal.customer_display_names == {ann: "Ann", acme: "Acme"}
    assert changed(deal, "contacts").customer_display_names == {acme: "Acme"}


def test_a_person_is_in_a_deal_once():
    ann = a_known("contacts", "Ann")

    with pytest.raises(Invalid):
        a_deal_with(ann, ann)


def test_the_stays_of_a_deal_are_told_page_by_page():
    deal = a_deal(pipeline=a_pipeline().name)
    for stage in ("offer", "talk", "offer"):
        in_transaction(advance_deal, deal.name, stage, "")
    in_transaction(win_deal, deal.name, "")

    first, token = stays_of(deal.name, Question(page_size=3, about="stages"))
    rest, end = stays_of(deal.name, Question(page_size=3, page_token=token, about="stages"))

    assert [stay.stage for stay in first + rest] == ["won", "offer", "talk", "offer", "talk"]
    assert first[0].end is None
    assert end == ""


def test_the_stays_of_what_one_may_not_see_are_not_told():
    deal = a_deal()

    with call_scope(a_call(a_principal("OWN"))), pytest.raises(NotFound):
        stays_of(deal.name, Question())


def test_a_deleted_deal_can_be_brought_back_as_it_was():
    deal = a_deal()

    in_transaction(delete_deal, deal.name, "")
    back = in_transaction(undelete_deal, deal.name, "")

    assert (back.delete_time, back.stage) == (None, "qualification")
    assert words_of(deal.name) == ["created", "deleted", "undeleted"]


def test_a_stage_cannot_be_taken_away_while_a_deal_enters_it():
    pipeline = a_pipeline()
    kept = [stage for stage in pipeline.stages if stage.id != "offer"]
    entered = []

    def take_away(tx):
        stored = update_pipeline(tx, Pipeline(id=pipeline.id, stages=kept), ["stages"], "")
        if not entered:
            late = Deal(display_name="Late", pipeline=pipeline.name, stage="offer")
            with ThreadPoolExecutor(1) as threads:
                entered.append(threads.submit(as_call, a_call(), create_deal, late).result(30))
        return stored

    with pytest.raises(NotAllowed):
        in_transaction(take_away)

    assert entered[0].stage == "offer"


def test_deals_are_filtered_by_their_customers_amounts_and_stages():
    ann, acme = a_known("contacts", "Ann"), a_known("organizations", "Acme")
    euros = {"amount": Decimal128("5000.5"), "currency_code": "EUR"}
    found = a_deal_with(ann, organization=acme, amount=euros)
    a_deal(display_name="Other")

    for wanted in (
        f'contacts.contact = "{ann}"',
        f'organization = "{acme}" AND state = OPEN',
        'amount >= 5000.50 AND amount.currencyCode = "EUR"',
        "stage = qualification AND probability < 20 AND amount:*",
    ):
        page = list_resources(Deal, Question(filter=wanted))
        assert [deal.name for deal in page.messages] == [found.name], wanted
