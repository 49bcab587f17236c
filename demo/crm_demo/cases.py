"""What customers of the demo company need help with, and what was written about it."""

from collections.abc import Sequence
from random import Random

from crm_demo.api import Json
from crm_demo.seed import chance
from crm_demo.stories import Act, Person, Story

COUNT = 180
PRIORITIES = {"LOW": 20, "NORMAL": 55, "HIGH": 18, "URGENT": 7}
# Out of a hundred.
ANSWERED, RESOLVED, CLOSED = 75, 45, 20
# Channel, queue, subject, what the customer says, what they are answered.
TROUBLES = (
    (
        "EMAIL",
        "queues/warranty",
        "Desk {n} does not move any more",
        "Our desk {n} stays where it is, whatever we press. The display says E{d}.",
        "Please hold the down key for ten seconds. If E{d} stays, the fitter comes on Thursday.",
    ),
    (
        "PHONE",
        "queues/deliveries",
        "{d} chairs missing in delivery {n}",
        "Delivery {n} came with {d} chairs too few.",
        "They are still in the depot. The driver brings them tomorrow before noon.",
    ),
    (
        "WEB",
        "queues/billing",
        "Freight twice on invoice {n}",
        "Invoice {n} has the freight on it twice.",
        "You are right, and we are sorry. The credit note is on its way.",
    ),
    (
        "CHAT",
        "queues/general",
        "Spare castors for order {n}",
        "Where do we get {d} spare castors for the chairs of order {n}?",
        "We send you {d} of them, free of charge.",
    ),
    (
        "EMAIL",
        "queues/warranty",
        "Scratch in tabletop {n}",
        "Tabletop {n} came with a scratch as long as a hand.",
        "Could you send us a picture? A new top can be there in {d} days.",
    ),
)
NOTE = "Asked the workshop: spare parts are there."
THANKS = "Thank you, that was quick."


def planned_cases(people: Sequence[Person]) -> list[Story]:
    """Cases with their messages; some are resolved, some of these are closed."""
    random = chance("cases")
    return [_case(random, number, random.choice(people)) for number in range(COUNT)]


def _case(random: Random, number: int, person: Person) -> Story:
    channel, queue, subject, asked, answer = random.choice(TROUBLES)
    words = {"n": 4_000 + number, "d": random.randint(2, 9)}
    body: Json = {
        "description": asked.format(**words),
        "contact": person.contact,
        "channel": channel,
        "priority": random.choices(list(PRIORITIES), weights=list(PRIORITIES.values()))[0],
        "queue": queue,
        **person.whose,
    }
    if person.organization:
        body["organization"] = person.organization
    return Story(subject.format(**words), body, _course(random, answer.format(**words)))


def _course(random: Random, answer: str) -> list[Act]:
    drawn = random.randrange(100)
    if drawn >= ANSWERED:
        return []
    acts = [Act("/messages", {"kind": "NOTE", "body": NOTE})] if drawn % 3 == 0 else []
    acts.append(Act(":reply", {"body": answer}))
    if drawn < RESOLVED:
        acts.append(Act("/messages", {"kind": "CUSTOMER", "body": THANKS}))
        acts.append(Act(":resolve", {}))
    if drawn < CLOSED:
        acts.append(Act(":close", {}))
    return acts
