"""The page as it is sent: what others wrote is text, and nothing runs that is not ours."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from crm_gateway.ops.page import Page
from crm_gateway.ops.seen import Alert, Seen
from crm_gateway.ops.watch import Watch

HOSTILE = '"><script>alert(1)</script>'


class Shown:
    kind = "PROMETHEUS"

    def __init__(self, *alerts, **answers):
        self._seen = Seen(self.kind, 1.8e9, HOSTILE, "", answers, alerts=alerts)

    def look(self):
        return self._seen


def html_of(*alerts, **answers):
    return Page().html(Watch([Shown(*alerts, **answers)]).overview())


def an_alert(**told):
    values = dict.fromkeys(("name", "subject", "severity", "summary", "runbook"), HOSTILE)
    return Alert(**{**values, "since": None, **told})


def test_what_others_wrote_is_text():
    page = html_of(
        an_alert(),
        progress={(HOSTILE,): 0.0},
        up={(HOSTILE, HOSTILE, HOSTILE): 0.0},
        dead={(HOSTILE,): 1.0},
        deliveries={(HOSTILE,): 1.0},
    )

    assert page.count("<script>") == 1, "ours"
    assert "&gt;&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("address", "is_link"),
    [
        ("https://git.example.com/runbooks/x.md", True),
        ("javascript:alert(1)", False),
        ("docs/runbooks/x.md", False),
    ],
)
def test_only_an_address_of_the_web_is_a_link(address, is_link):
    page = html_of(an_alert(runbook=address))

    assert ("<a " in page) is is_link
    assert address in page


def test_the_policy_names_what_is_in_the_page_and_nothing_else():
    page, policy = html_of(), Page().policy
    rules = dict(one.strip().split(" ", 1) for one in policy.split(";"))

    for element in ("script", "style"):
        [text] = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert rules[f"{element}-src"] == f"'sha256-{digest}'"
    assert rules["default-src"] == "'none'"
    assert not re.search(r"(src=|url\(|@import|@font-face|style=)", page)
