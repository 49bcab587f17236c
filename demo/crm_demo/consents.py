"""What people allowed the demo company to send them, and what they took back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from crm_demo.api import Json
from crm_demo.seed import chance
from crm_demo.words import CONSENT_SOURCES, PURPOSES

COUNT = 2_500
LONGEST_AGO = timedelta(days=900)
WITHDRAWN = 0.08


def planned_consents(people: Sequence[str], anchor: datetime) -> list[tuple[str, Json]]:
    """Consents, each with the id of the person, counted back from `anchor`; older ones first."""
    random = chance("consents")
    planned: list[tuple[str, Json]] = []
    order = random.sample(people, len(people))
    while order and len(planned) < COUNT:
        person = order.pop()
        for purpose, channels, yes in random.sample(PURPOSES, random.choice((1, 2, 2, 3))):
            channel = random.choice(channels)
            planned += [(person, said) for said in _said(random, purpose, channel, yes, anchor)]
    return planned[:COUNT]


def _said(random: Random, purpose: str, channel: str, yes: int, anchor: datetime) -> list[Json]:
    moment = anchor - random.random() * LONGEST_AGO
    is_granted = random.randrange(100) < yes
    first = {
        "purpose": purpose,
        "channel": channel,
        "state": "GRANTED" if is_granted else "DENIED",
        "source": random.choice(CONSENT_SOURCES),
        "captureTime": rfc3339(moment),
    }
    if not is_granted or random.random() > WITHDRAWN:
        return [first]
    later = moment + random.random() * (anchor - moment)
    taken_back = {"state": "WITHDRAWN", "source": "web-form", "captureTime": rfc3339(later)}
    return [first, {**first, **taken_back}]


def rfc3339(moment: datetime) -> str:
    """The instant as the API writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
