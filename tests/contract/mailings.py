"""Members and deliveries, which only verbs make, and everything that may become of campaigns."""

import uuid
from pathlib import Path
from typing import Any

from crm_chassis.testing.suite import Client, Suite
from crm_chassis.testing.waiting import wait_until

# The resources that nobody makes by a create.
MADE_BY_VERBS = ("Member", "Delivery")
# What the local mail server does with mail to addresses of these domains, and with others.
REFUSED, SILENT, TAKEN = "refused.example", "silent.example", "example.com"
CLICK = b"List-Unsubscribe=One-Click"
Row = dict[str, Any]


def a_reader(client: Client, domain: str = TAKEN, consent: bool = True) -> str:
    """A contact that may get mail; gives its name."""
    emails = [{"address": f"{uuid.uuid4().hex}@{domain}"}]
    name: str = client.post("/v1/contacts", {"givenName": "Ann", "emails": emails}).ok()["name"]
    if consent:
        said = {"purpose": "newsletter", "channel": "EMAIL", "state": "GRANTED"}
        client.post(f"/v1/{name}/consents", said).ok()
    return name


def an_audience(client: Client, *contacts: str) -> str:
    """An audience with these contacts in it; gives its name."""
    name: str = client.post("/v1/audiences", {"displayName": "Readers"}).ok()["name"]
    if contacts:
        client.post(f"/v1/{name}:addContacts", {"contacts": list(contacts)}).ok()
    return name


def a_member(client: Client, audience: str) -> str:
    """A new member of an audience; gives its name."""
    contact = a_reader(client, consent=False)
    client.post(f"/v1/{audience}:addContacts", {"contacts": [contact]}).ok()
    wanted = f'contact = "{contact}"'
    [member] = client.get(f"/v1/{audience}/members", filter=wanted).ok()["members"]
    name: str = member["name"]
    return name


def a_campaign(client: Client, audience: str) -> str:
    """A draft to an audience; gives its name."""
    told = {
        "displayName": "Spring",
        "audience": audience,
        "fromAddress": "news@example.com",
        "subject": "Hello {{ contact.givenName }}",
        "body": "Dear {{ contact.displayName }}",
        "purpose": "newsletter",
    }
    name: str = client.post("/v1/campaigns", told).ok()["name"]
    return name


def sent(client: Client, *contacts: str) -> list[Row]:
    """The deliveries of a campaign that was sent to these contacts, once it has ended."""
    name = a_campaign(client, an_audience(client, *contacts))
    client.post(f"/v1/{name}:send").ok()
    wait_until(lambda: client.get(f"/v1/{name}").ok()["state"] == "SENT", what="the campaign's end")
    deliveries: list[Row] = client.get(f"/v1/{name}/deliveries").ok()["deliveries"]
    return deliveries


def a_delivery(client: Client) -> str:
    """What became of a mail; gives its name."""
    name: str = sent(client, a_reader(client, consent=False))[0]["name"]
    return name


def unsubscribe_link(suite: Suite, address: str) -> str:
    """The path of the link in the mail to an address."""

    def find() -> str:
        for file in Path(suite.env["CRM_MAILBOX"]).glob("*.eml"):
            lines = file.read_text(encoding="utf-8").splitlines()
            if f"X-RcptTo: {address}" in lines:
                [link] = [line for line in lines if line.startswith("List-Unsubscribe: ")]
                return link.partition("<")[2].strip("<>").removeprefix(suite.env["CRM_URL"])
        return ""

    return wait_until(find, what=f"the mail to {address}")


def let_campaigns_happen(suite: Suite) -> None:
    """Let everything become of audiences, campaigns and mails that may."""
    admin = suite.client()
    audience = an_audience(admin, contact := a_reader(admin))
    for verb in ("removeContacts", "addContacts"):
        admin.post(f"/v1/{audience}:{verb}", {"contacts": [contact]}).ok()
    campaign = a_campaign(admin, audience)
    later = {"scheduleTime": "2099-01-01T00:00:00Z"}
    for verb, body in (("schedule", later), ("pause", {}), ("cancel", {})):
        admin.post(f"/v1/{campaign}:{verb}", body).ok()
    readers = [a_reader(admin, domain) for domain in (TAKEN, REFUSED, SILENT)]
    deliveries = sent(admin, *readers, a_reader(admin, consent=False))
    states = sorted(delivery["state"] for delivery in deliveries)
    assert states == ["FAILED", "SENT", "SUPPRESSED", "UNKNOWN"]
    [taken] = [delivery["address"] for delivery in deliveries if delivery["state"] == "SENT"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    link = unsubscribe_link(suite, taken)
    assert suite.client(None).ask("POST", link, CLICK, headers=form).status == 200
