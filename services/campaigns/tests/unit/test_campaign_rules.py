"""What campaigns may do, and which templates are any."""

from datetime import timedelta

import pytest

from crm_campaigns.campaigns.rules import (
    CANCELLED,
    DRAFT,
    PAUSED,
    SENDABLE,
    SENDING,
    SENT,
    refuse_bad_templates,
    refuse_late_changes,
    refuse_past,
    refuse_unless,
)
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Invalid, NotAllowed


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "Hello {{ contact.givenName | upcase }}{% if contact.tags contains 'x' %}!{% endif %}",
        "{% for email in contact.emails %}{{ email.address }}{% endfor %}",
        "{{ 10 | divided_by: contact.number }}",
    ],
)
def test_templates_that_can_be_filled_in_are_taken(text):
    refuse_bad_templates({"subject": text, "body": text})


@pytest.mark.parametrize(
    "text", ["{{ a", "{% if %}", "{% nope %}", "{{ a | nope }}", "{% include 'x' %}", "{{ a.. }}"]
)
def test_a_text_that_is_no_template_is_told_by_its_field(text):
    with pytest.raises(Invalid) as refused:
        refuse_bad_templates({"subject": "Hello", "body": text})

    [flaw] = refused.value.flaws
    assert (flaw.field, flaw.reason) == ("body", "INVALID_TEMPLATE")


@pytest.mark.parametrize("state", [SENDING, SENT, CANCELLED])
def test_a_campaign_that_goes_out_or_has_ended_is_not_sent_again(state):
    with pytest.raises(NotAllowed) as refused:
        refuse_unless(state, SENDABLE)

    assert refused.value.reason == f"CAMPAIGN_{state}"


@pytest.mark.parametrize(
    ("changed", "state", "is_planned", "allowed"),
    [
        ({"body"}, DRAFT, False, True),
        ({"body"}, PAUSED, True, True),
        ({"body"}, SENDING, True, False),
        ({"subject"}, SENT, True, False),
        ({"audience"}, PAUSED, False, True),
        ({"audience"}, PAUSED, True, False),
        (set(), SENDING, True, True),
    ],
)
def test_what_may_change_depends_on_how_far_it_has_gone(changed, state, is_planned, allowed):
    if allowed:
        refuse_late_changes(changed, state, is_planned)
    else:
        with pytest.raises(NotAllowed):
            refuse_late_changes(changed, state, is_planned)


def test_a_campaign_is_scheduled_for_a_time_to_come():
    moment = now()

    refuse_past(moment + timedelta(seconds=1), moment)
    with pytest.raises(Invalid):
        refuse_past(moment, moment)
