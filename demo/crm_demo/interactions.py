"""When the demo company and people were in touch, and about what."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from crm_demo.api import Json
from crm_demo.consents import rfc3339
from crm_demo.seed import chance
from crm_demo.words import TALKS

COUNT = 4_000
SPAN = timedelta(days=730)
# Some people the company talks to all the time; of the others to each a few times.
REGULARS, MOST_OF_A_REGULAR = 12, 70
MOST_OF_OTHERS = 6


def planned_interactions(people: Sequence[str], anchor: datetime) -> list[tuple[str, Json]]:
    """Interactions over the two years before `anchor`, each with the id of the person."""
    random = chance("interactions")
    order = random.sample(people, len(people))
    counts = [random.randint(20, MOST_OF_A_REGULAR) for _ in range(REGULARS)]
    planned: list[tuple[str, Json]] = []
    while order and len(planned) < COUNT:
        person = order.pop()
        count = counts.pop() if counts else random.randint(1, MOST_OF_OTHERS)
        planned += [(person, _talk(random, anchor)) for _ in range(count)]
    return planned[:COUNT]


def _talk(random: Random, anchor: datetime) -> Json:
    channel, direction, subject, body, outcome = random.choice(TALKS)
    amounts = {"n": random.randint(4, 90), "d": random.randint(2, 9)}
    return {
        "channel": channel,
        "direction": direction,
        "subject": subject.format(**amounts),
        "body": body.format(**amounts),
        "outcome": outcome.format(**amounts),
        "occurTime": rfc3339(anchor - random.random() * SPAN),
    }
