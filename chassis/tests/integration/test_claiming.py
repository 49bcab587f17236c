"""A claim is either somebody's or nobody's, however slow the disk is."""

from datetime import timedelta

from pymongo import WriteConcern

from crm_chassis.kernel.clock import now
from crm_chassis.mongo import claiming
from crm_chassis.mongo.claiming import claim_row


def test_a_claim_that_was_written_is_told_of_even_when_its_confirmation_is_late(
    database, monkeypatch
):
    monkeypatch.setattr(claiming, "PATIENCE_MS", 1)
    rows = database["things"].with_options(write_concern=WriteConcern(j=True))
    rows.insert_one({"_id": "1", "ready": now()})

    told = [claim_row(rows, {}, lease=timedelta()) for _ in range(200)]

    claims = [row["claim"] for row in told if row is not None]
    row = rows.find_one()
    assert row["attempts"] == len(claims)
    assert row["claim"] == claims[-1]
