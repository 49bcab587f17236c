"""A mailing of the demo company to a small audience: who has not allowed it gets none."""

import time
from collections.abc import Sequence

from crm_demo.api import Api
from crm_demo.crew import Crew
from crm_demo.seed import chance
from crm_demo.stories import Act, Person, Story, tell
from crm_demo.words import DOMAIN

# So many who want the newsletter, and so many of whom that is not known.
WILLING, OTHERS = 45, 15
AUDIENCE, CAMPAIGN = "Spring newsletter, first sixty", "Spring newsletter"
SUBJECT = "{{ contact.givenName | default: 'Hello' }}, spring comes into your office"
BODY = """Dear {{ contact.displayName }},

the new Yarran range is here: acoustic panels in moss and eucalypt, desks of oiled oak.
Come and see it in our showroom.

Wattle & Pine
"""
# How long the mails may take.
PATIENCE, PAUSE = 60.0, 0.25
SENT = "SENT"


def load_campaign(
    api: Api, crew: Crew, willing: Sequence[Person], others: Sequence[Person]
) -> None:
    """Make the audience, send it the newsletter, and wait until everybody has been served."""
    random = chance("campaign")
    chosen = random.sample(willing, min(WILLING, len(willing)))
    chosen += random.sample(others, min(OTHERS, len(others)))
    contacts = {"contacts": [person.contact for person in chosen]}
    whose = {"teams": [crew.teams["Marketing"]], "owner": crew.users["Elif Demir"]}
    audience = Story(AUDIENCE, dict(whose), [Act(":addContacts", contacts)])
    tell(api, crew, "audiences", "displayName", [audience])
    mailing = {
        "audience": _named(api, "audiences", AUDIENCE)["name"],
        "fromAddress": f"hello@{DOMAIN}",
        "subject": SUBJECT,
        "body": BODY,
        "purpose": "newsletter",
        **whose,
    }
    tell(api, crew, "campaigns", "displayName", [Story(CAMPAIGN, mailing, [Act(":send", {})])])
    end = time.monotonic() + PATIENCE
    while _named(api, "campaigns", CAMPAIGN)["state"] != SENT and time.monotonic() < end:
        time.sleep(PAUSE)


def _named(api: Api, collection: str, title: str) -> dict[str, str]:
    found = api.all(f"/v1/{collection}", collection)
    return next(one for one in found if one["displayName"] == title)
