"""What becomes of deliveries, and whom a link is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_campaigns.deliveries.rules import (
    SENT,
    Outcome,
    delivery_id,
    delivery_of_token,
    link_token,
    pause_after,
    settled_row,
)
from crm_campaigns.members.rules import member_id
from crm_campaigns.recipients.rules import Recipient, address_of
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import NotFound
from crm_chassis.kernel.ids import new_id

KEY = b"k" * 32


def test_a_link_leads_back_to_its_delivery():
    name = f"campaigns/{new_id()}/deliveries/{new_id()}"

    assert delivery_of_token(link_token(name, KEY), KEY) == name


@given(st.integers(0, 63), st.sampled_from("ABCxyz019-_"))
def test_a_link_that_was_altered_leads_nowhere(place, letter):
    name = f"campaigns/{new_id()}/deliveries/{new_id()}"
    token = link_token(name, KEY)
    altered = token[:place] + letter + token[place + 1 :]

    if altered != token:
        with pytest.raises(NotFound):
            delivery_of_token(altered, KEY)


@pytest.mark.parametrize("token", ["", "x", "A" * 64, "A" * 63, "é", "A" * 200])
def test_what_is_no_link_leads_nowhere(token):
    with pytest.raises(NotFound):
        delivery_of_token(token, KEY)


def test_a_contact_has_one_delivery_of_a_campaign_and_one_place_in_an_audience():
    assert delivery_id("campaigns/1", "contacts/1") == delivery_id("campaigns/1", "contacts/1")
    assert delivery_id("campaigns/1", "contacts/1") != delivery_id("campaigns/2", "contacts/1")
    assert member_id("audiences/1", "contacts/1") == member_id("audiences/1", "contacts/1")
    assert member_id("audiences/1", "contacts/1") != member_id("audiences/1", "contacts/2")


def test_a_settled_delivery_keeps_nothing_of_its_way():
    moment = now()
    before = {"_id": "1", "state": "PENDING", "ready": moment, "tries": 2, "attempt": {"token": 1}}

    row = settled_row(before, Outcome(SENT, "", "a@example.com", moment))

    assert row == {"_id": "1", "state": "SENT", "address": "a@example.com", "send_time": moment}


def test_a_mail_that_is_not_wanted_yet_waits_longer_each_time():
    assert [pause_after(tries).total_seconds() for tries in (1, 2, 3, 20)] == [2, 4, 8, 3600]


@pytest.mark.parametrize(
    ("emails", "address"),
    [
        ([], ""),
        ([{"address": "a@x.ch"}, {"address": "b@x.ch", "primary": True}], "b@x.ch"),
        ([{"address": "a@x.ch"}, {"address": "b@x.ch"}], "a@x.ch"),
    ],
)
def test_mail_goes_to_the_primary_address_or_the_first(emails, address):
    assert address_of(emails) == address


@pytest.mark.parametrize(
    ("recipient", "obstacle"),
    [
        (Recipient("c"), "DELETED"),
        (Recipient("c", {"name": "c"}, consent="GRANTED"), "NO_ADDRESS"),
        (Recipient("c", {"emails": [{"address": "a@x.ch"}]}), "NO_CONSENT"),
        (Recipient("c", {"emails": [{"address": "a@x.ch"}]}, consent="WITHDRAWN"), "NO_CONSENT"),
        (Recipient("c", {"emails": [{"address": "a@x.ch"}]}, consent="GRANTED"), ""),
        (
            Recipient("c", {"emails": [{"address": "a@x.ch"}]}, deleted=True, consent="GRANTED"),
            "DELETED",
        ),
    ],
)
def test_mail_goes_only_to_whom_nothing_stands_against(recipient, obstacle):
    assert recipient.obstacle == obstacle
