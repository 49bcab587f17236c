"""One mailing, end to end: from the consent to the mail, and from the click to the withdrawal."""

from contract.mailings import CLICK, a_reader, sent, unsubscribe_link
from contract.whole import view_of

from crm_chassis.testing.waiting import wait_until

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def in_force(admin, contact):
    consents = admin.get(f"/v1/{contact}/consents", filter="inForce = true").ok()["consents"]
    return {(said["purpose"], said["channel"]): said["state"] for said in consents}


def test_a_click_in_a_mail_withdraws_the_consent_and_nobody_writes_again(suite, admin):
    contact = a_reader(admin)
    [delivery] = sent(admin, contact)
    link = unsubscribe_link(suite, delivery["address"])
    anybody = suite.client(None)

    page = anybody.ask("GET", link)
    assert page.status == 200
    assert in_force(admin, contact) == {("newsletter", "EMAIL"): "GRANTED"}
    assert anybody.ask("POST", link, CLICK, headers=FORM).status == 200

    withdrawn = {("newsletter", "EMAIL"): "WITHDRAWN"}
    wait_until(lambda: in_force(admin, contact) == withdrawn)
    assert admin.get(f"/v1/{delivery['name']}").ok()["unsubscribeTime"]
    campaign = admin.get(f"/v1/{delivery['name'].rpartition('/deliveries/')[0]}").ok()
    assert campaign["stats"]["unsubscribed"] == 1
    assert [each["state"] for each in sent(admin, contact)] == ["SUPPRESSED"]


def test_the_view_shows_whom_the_customer_was_written_to(admin):
    contact = a_reader(admin)
    [delivery] = sent(admin, contact)

    section = view_of(admin, contact)["sections"]["campaigns"]["data"]

    assert [member["contact"] for member in section["members"]] == [contact]
    assert [each["name"] for each in section["deliveries"]] == [delivery["name"]]
    assert section["totalSize"] == 1
