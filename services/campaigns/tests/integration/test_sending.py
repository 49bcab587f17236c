"""What a campaign sends, to whom, and what becomes of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from liquid.exceptions import LiquidError
from pymongo.errors import AutoReconnect

from crm_campaigns.campaigns.commands import (
    cancel_campaign,
    pause_campaign,
    schedule_campaign,
    send_campaign,
)
from crm_campaigns.campaigns.documents import Campaign
from crm_campaigns.deliveries import handing_over
from crm_campaigns.deliveries.commands import note, plan_deliveries
from crm_campaigns.deliveries.documents import Delivery
from crm_campaigns.deliveries.jobs import Sender
from crm_campaigns.deliveries.rules import MOST_TRIES, Note
from crm_campaigns.mail.smtp import Line, Server
from crm_campaigns.recipients.rules import Recipient
from crm_campaigns.testing import (
    a_campaign,
    a_contact,
    a_started_campaign,
    deliveries_of,
    fire_all,
    one_round,
    states_of,
    stored,
    until_over,
)
from crm_chassis.kernel.clock import now
from crm_chassis.mongo.connection import database as connected
from crm_chassis.resources.transaction import as_call, in_transaction
from crm_chassis.testing.calls import a_call
from crm_chassis.testing.ports import free_ports


def many(count: int) -> list[str]:
    return [a_contact(f"reader{number}@example.com") for number in range(count)]


def due_again() -> None:
    Delivery.rows().update_many({"state": "PENDING"}, {"$set": {"ready": now()}})
    Campaign.rows().update_many({"state": "SENDING"}, {"$set": {"ready": now()}})


def words(subject: str) -> list[str]:
    rows = connected()["events"].find({"subject": subject}).sort("sequence", 1)
    return [row["type"].split(".")[-2] for row in rows]


def test_a_campaign_sends_each_of_its_audience_one_mail(sender, inbox):
    ann = a_contact("ann@example.com")
    campaign = a_started_campaign([ann])

    row = until_over(sender.carry_on, campaign)

    assert row["state"] == "SENT"
    assert row["stats"] == {
        "recipients": 1,
        "sent": 1,
        "suppressed": 0,
        "failed": 0,
        "unknown": 0,
        "unsubscribed": 0,
    }
    [delivery] = deliveries_of(campaign)
    assert (delivery["state"], delivery["address"]) == ("SENT", "ann@example.com")
    assert delivery["contact"] == ann
    assert delivery["send_time"] <= now()
    [mail] = inbox.mails()
    assert (mail["To"], mail["From"]) == ("Ann Miller <ann@example.com>", "news@example.com")
    assert mail["Subject"] == "Hello Ann"
    assert mail.get_payload() == "Dear Ann Miller,\r\nthis is Spring.\r\n"
    assert mail["List-Unsubscribe"].startswith("<https://crm.example.com/unsubscribe/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert delivery["_id"] in mail["Message-ID"]
    assert words(f"{campaign.name}/deliveries/{delivery['_id']}") == ["created", "sent"]
    assert words(campaign.name) == ["created", "started", "finished"]


def test_nobody_gets_mail_without_consent_in_force(sender, inbox):
    granted, denied, silent = (a_contact(consent=said) for said in ("GRANTED", "DENIED", ""))
    campaign = a_started_campaign([granted, denied, silent])

    row = until_over(sender.carry_on, campaign)

    assert len(inbox.received) == 1
    assert (row["stats"]["sent"], row["stats"]["suppressed"]) == (1, 2)
    reasons = {row["contact"]: row.get("reason") for row in deliveries_of(campaign)}
    assert reasons == {granted: None, denied: "NO_CONSENT", silent: "NO_CONSENT"}


def test_who_has_no_address_or_was_deleted_gets_none(sender, inbox):
    nowhere = a_contact("")
    gone = a_contact(deleteTime="2026-05-03T12:00:00.000Z")
    campaign = a_started_campaign([nowhere, gone])

    until_over(sender.carry_on, campaign)

    reasons = {row["contact"]: row["reason"] for row in deliveries_of(campaign)}
    assert reasons == {nowhere: "NO_ADDRESS", gone: "DELETED"}
    assert inbox.received == []


def test_the_owner_of_contacts_is_asked_before_mail_is_held_back(sender, inbox, owner):
    late, fine = a_contact(consent=""), a_contact()
    data = {"name": late, "emails": [{"address": "late@example.com"}]}
    owner.there[late] = Recipient(late, data, consent="GRANTED")
    campaign = a_started_campaign([late, fine])

    until_over(sender.carry_on, campaign)

    assert owner.asked == [late]
    assert sorted(inbox.recipients) == ["ann@example.com", "late@example.com"]


def test_while_the_owner_of_contacts_is_away_only_those_wait_who_need_it(sender, inbox, owner):
    late, fine = a_contact(consent=""), a_contact()
    campaign = a_started_campaign([late, fine])
    owner.is_away = True

    one_round(sender)

    assert states_of(campaign) == ["PENDING", "SENT"]
    owner.is_away = False
    due_again()
    until_over(sender.carry_on, campaign)
    assert states_of(campaign) == ["SENT", "SUPPRESSED"]
    assert len(inbox.received) == 1


def test_planning_again_plans_nobody_twice():
    contacts = many(7)
    campaign = a_started_campaign(contacts)
    Campaign.rows().update_one({}, {"$unset": {"planned": "", "planned_to": ""}})

    in_transaction(plan_deliveries, campaign.name)

    assert len(deliveries_of(campaign)) == 7
    assert stored(campaign)["stats"]["recipients"] == 7


def test_planning_goes_on_where_it_stopped(monkeypatch):
    monkeypatch.setattr("crm_campaigns.deliveries.commands.TOGETHER", 3)
    campaign = a_campaign(many(7))
    in_transaction(send_campaign, campaign.name, "")

    assert in_transaction(plan_deliveries, campaign.name)
    assert len(deliveries_of(campaign)) == 3
    fire_all()

    assert {row["contact"] for row in deliveries_of(campaign)} == {
        row["contact"] for row in connected()["members"].find()
    }
    assert stored(campaign)["planned"]


def test_two_who_plan_at_once_give_each_recipient_one_delivery(monkeypatch):
    monkeypatch.setattr("crm_campaigns.deliveries.commands.TOGETHER", 5)
    campaign = a_campaign(many(30))
    in_transaction(send_campaign, campaign.name, "")

    def plan() -> None:
        while as_call(a_call(), plan_deliveries, campaign.name):
            pass

    with ThreadPoolExecutor(4) as threads:
        for planning in [threads.submit(plan) for _ in range(4)]:
            planning.result()

    assert len(deliveries_of(campaign)) == 30
    assert stored(campaign)["stats"]["recipients"] == 30


def test_a_sender_that_waits_for_recipients_plans_some_itself(sender, inbox):
    campaign = a_campaign(many(3))
    in_transaction(send_campaign, campaign.name, "")

    until_over(sender.carry_on, campaign)

    assert len(inbox.received) == 3


def test_at_most_four_mails_are_handed_over_at_once(sender, inbox):
    inbox.pause = 0.2  # long enough for all of them to be there
    campaign = a_started_campaign(many(24))

    until_over(sender.carry_on, campaign)

    assert inbox.most_at_once == 4
    assert len(inbox.received) == 24


def test_a_second_sender_waits_until_the_first_one_is_gone(sender, inbox, owner):
    campaign = a_started_campaign(many(3))
    assert one_round(sender)
    second = Sender(Server.of(inbox.url), "https://crm.example.com", owner)

    assert not second.carry_on()
    sender.close()
    until_over(second.carry_on, campaign)

    assert len(inbox.received) == 3
    second.close()


def test_what_the_server_refuses_for_good_has_failed(sender, inbox):
    inbox.rcpt = lambda _: "550 Nobody of that name"
    campaign = a_started_campaign(many(2))

    row = until_over(sender.carry_on, campaign)

    assert (row["state"], row["stats"]["failed"]) == ("SENT", 2)
    assert {row["reason"] for row in deliveries_of(campaign)} == {"SMTP_550"}


@pytest.mark.parametrize("stage", ["rcpt", "answer"])
def test_what_the_server_does_not_want_yet_is_tried_again_later(sender, inbox, stage):
    setattr(inbox, stage, lambda _: "450 Not now")
    campaign = a_started_campaign(many(1))

    one_round(sender)
    [delivery] = deliveries_of(campaign)
    setattr(inbox, stage, lambda _: "250 Fine")
    due_again()
    until_over(sender.carry_on, campaign)

    assert (delivery["state"], delivery["tries"]) == ("PENDING", 1)
    assert delivery["ready"] > now() - timedelta(seconds=1)
    assert states_of(campaign) == ["SENT"]
    assert len(inbox.received) == 1


def test_a_server_that_is_away_is_waited_for_and_nothing_has_begun(owner):
    [port] = free_ports(1)
    sender = Sender(Server.of(f"smtp://127.0.0.1:{port}"), "https://crm.example.com", owner)
    campaign = a_started_campaign(many(3))

    assert one_round(sender)

    assert states_of(campaign) == ["PENDING"] * 3
    assert not any("attempt" in row for row in deliveries_of(campaign))
    assert stored(campaign)["ready"] > now()
    sender.close()


def test_a_mail_whose_answer_never_came_is_unknown_and_not_tried_again(sender, inbox):
    inbox.answer = lambda _: "250 Kept, DROP"
    campaign = a_started_campaign(many(1))

    row = until_over(sender.carry_on, campaign)
    one_round(sender)

    assert (row["state"], row["stats"]["unknown"], row["stats"]["sent"]) == ("SENT", 1, 0)
    assert states_of(campaign) == ["UNKNOWN"]
    assert len(inbox.received) == 1


def test_an_attempt_that_nobody_can_tell_of_is_unknown(sender, inbox):
    campaign = a_started_campaign(many(2))
    begun, other = deliveries_of(campaign)
    note([Note({}, (begun["_id"], {"token": 0, "address": "reader@example.com"}))])

    until_over(sender.carry_on, campaign)

    states = {row["_id"]: row["state"] for row in deliveries_of(campaign)}
    assert states == {begun["_id"]: "UNKNOWN", other["_id"]: "SENT"}
    assert len(inbox.received) == 1
    [lost] = [row for row in deliveries_of(campaign) if row["state"] == "UNKNOWN"]
    assert (lost["reason"], lost["address"]) == ("NO_ANSWER", "reader@example.com")


def test_an_attempt_begins_once_whoever_tries(sender):
    campaign = a_started_campaign(many(1))
    [delivery] = deliveries_of(campaign)

    first, second = (
        Note({}, (delivery["_id"], {"token": turn, "address": "a@example.com"})) for turn in (1, 2)
    )

    assert note([first]) == [True]
    assert note([second]) == [False]
    assert note([Note({}), second]) == [True, False]


def test_what_is_known_of_a_mail_is_stored_when_the_database_is_back(sender, inbox, monkeypatch):
    campaign = a_started_campaign(many(1))
    real = handing_over.note

    def failing(notes):
        if notes[0].begun is None:
            raise AutoReconnect("away")
        return real(notes)

    monkeypatch.setattr(handing_over, "note", failing)
    with pytest.raises(AutoReconnect):
        one_round(sender)
    monkeypatch.setattr(handing_over, "note", real)
    until_over(sender.carry_on, campaign)

    assert states_of(campaign) == ["SENT"]
    assert len(inbox.received) == 1


def test_a_pause_holds_a_campaign_until_it_is_sent_again(sender, inbox):
    inbox.pause = 0.1
    campaign = a_started_campaign(many(60))
    real = sender._goes_on

    def pause_then_ask(campaign_id, lease):
        if inbox.received and stored(campaign)["state"] == "SENDING":
            as_call(a_call(), pause_campaign, campaign.name, "")
        return real(campaign_id, lease)

    sender._goes_on = pause_then_ask
    while sender.carry_on():
        pass
    sent = len(inbox.received)
    assert 0 < sent < 60
    assert stored(campaign)["state"] == "PAUSED"
    assert "ready" not in stored(campaign)

    sender._goes_on = real
    in_transaction(send_campaign, campaign.name, "")
    until_over(sender.carry_on, campaign)
    assert sorted(inbox.recipients) == sorted(f"reader{number}@example.com" for number in range(60))


def test_a_cancelled_campaign_reaches_nobody_more(sender, inbox):
    campaign = a_started_campaign(many(3))

    in_transaction(cancel_campaign, campaign.name, "")
    fire_all()
    while sender.carry_on():
        pass

    assert stored(campaign)["state"] == "CANCELLED"
    assert {(row["state"], row["reason"]) for row in deliveries_of(campaign)} == {
        ("SUPPRESSED", "CANCELLED")
    }
    assert stored(campaign)["stats"]["suppressed"] == 3
    assert inbox.received == []


def test_a_mail_that_waits_when_its_campaign_is_cancelled_is_let_go_of(sender, inbox):
    campaign = a_started_campaign([a_contact()])

    def cancel_and_refuse(_recipient):
        as_call(a_call(), cancel_campaign, campaign.name, "")
        fire_all()
        return "450 Not now"

    inbox.answer = cancel_and_refuse
    one_round(sender)

    [delivery] = deliveries_of(campaign)
    assert (delivery["state"], delivery["reason"]) == ("SUPPRESSED", "CANCELLED")
    assert stored(campaign)["stats"]["suppressed"] == 1
    assert "attempt" not in delivery


def test_a_campaign_starts_at_its_time(sender, inbox):
    campaign = a_campaign(many(2))
    in_transaction(schedule_campaign, campaign.name, now() + timedelta(hours=1), "")
    fire_all()
    assert stored(campaign)["state"] == "SCHEDULED"

    connected()["timers"].update_many({}, {"$set": {"ready": now(), "due": now()}})
    fire_all()
    until_over(sender.carry_on, campaign)

    assert stored(campaign)["state"] == "SENT"
    assert len(inbox.received) == 2


def test_a_template_that_fails_for_one_fails_for_that_one_alone(sender, inbox):
    good, bad = a_contact(), a_contact("bad@example.com", givenName="10000000")
    body = "{% for i in (1..contact.givenName) %}x{% endfor %}"
    campaign = a_started_campaign([good, bad], body=body)

    until_over(sender.carry_on, campaign)

    reasons = {row["contact"]: row.get("reason") for row in deliveries_of(campaign)}
    assert reasons == {good: None, bad: "TEMPLATE"}
    assert inbox.recipients == ["ann@example.com"]


def test_an_address_that_cannot_be_written_fails_and_holds_up_nobody(sender, inbox):
    contacts = [a_contact("änn@example.com"), a_contact("a\nb@example.com"), a_contact()]
    campaign = a_started_campaign(contacts)

    row = until_over(sender.carry_on, campaign)

    assert row["state"] == "SENT"
    reasons = sorted(row.get("reason", "") for row in deliveries_of(campaign))
    assert reasons == ["", "INVALID_ADDRESS", "INVALID_ADDRESS"]
    assert inbox.recipients == ["ann@example.com"]


def test_a_thread_that_fails_while_it_offers_a_mail_never_offers_it_again(
    sender, inbox, monkeypatch
):
    campaign = a_started_campaign(many(1))
    real = Line._deliver

    def deliver_and_fail(line, mail):
        real(line, mail)
        raise RuntimeError("no luck")

    monkeypatch.setattr(Line, "_deliver", deliver_and_fail)
    with pytest.raises(RuntimeError):
        one_round(sender)
    monkeypatch.setattr(Line, "_deliver", real)
    due_again()
    until_over(sender.carry_on, campaign)

    assert states_of(campaign) == ["UNKNOWN"]
    assert len(inbox.received) == 1


def test_a_campaign_that_cannot_be_carried_on_holds_up_no_other(sender, inbox):
    broken, fine = a_started_campaign(many(1)), a_started_campaign(many(1))
    Campaign.rows().update_one({"_id": broken.id}, {"$set": {"body": "{% nope %}"}})

    for _ in range(6):
        try:
            one_round(sender)
        except LiquidError:
            continue

    assert stored(fine)["state"] == "SENT"
    assert stored(broken)["ready"] > now()


def test_what_is_refused_again_and_again_has_failed_at_last(sender, inbox):
    inbox.rcpt = lambda _: "450 Not now"
    campaign = a_started_campaign(many(1))
    Delivery.rows().update_one({}, {"$set": {"tries": MOST_TRIES - 1}})

    row = until_over(sender.carry_on, campaign)

    assert (row["state"], row["stats"]["failed"]) == ("SENT", 1)
    assert deliveries_of(campaign)[0]["reason"] == "SMTP_450"
