"""What customers may buy of the demo company: some have, some have not, most think about it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from crm_demo.seed import chance
from crm_demo.stories import Act, Person, Story

COUNT = 320
STAGES = ("qualification", "needs", "proposal", "negotiation")
ROLES = ("DECISION_MAKER", "ECONOMIC_BUYER", "CHAMPION", "INFLUENCER", "USER")
CURRENCIES = {"AUD": 90, "NZD": 8, "USD": 2}
# Out of a hundred.
WON, LOST = 30, 18
REASONS = ("Too dear", "Bought elsewhere", "No budget this year", "Moving was put off", "No answer")
# What is sold, and what one of it costs.
GOODS = (
    ("sit-stand desks", 890),
    ("task chairs", 540),
    ("acoustic panels", 210),
    ("meeting tables", 1_650),
    ("phone booths", 7_900),
    ("lockers", 320),
)


def planned_deals(people: Sequence[Person], anchor: datetime) -> list[Story]:
    """Deals with people of organizations, each with its own words, amount and end."""
    random = chance("deals")
    employed = [person for person in people if person.organization] or list(people)
    titles = _titles(random)
    return [_deal(random, next(titles), random.choice(employed), anchor) for _ in range(COUNT)]


def _titles(random: Random) -> Iterator[tuple[str, int]]:
    """Words and a price, never twice the same."""
    taken: set[str] = set()
    while True:
        (goods, price), count = random.choice(GOODS), random.randint(4, 400)
        title = f"{count} {goods}"
        if title not in taken:
            taken.add(title)
            yield title, count * price


def _deal(random: Random, told: tuple[str, int], person: Person, anchor: datetime) -> Story:
    title, price = told
    currency = random.choices(list(CURRENCIES), weights=list(CURRENCIES.values()))[0]
    day = anchor + timedelta(days=random.randint(-60, 120))
    body = {
        "contacts": [{"contact": person.contact, "role": random.choice(ROLES)}],
        "amount": {"currencyCode": currency, "units": str(price)},
        "stage": random.choice(STAGES),
        "expectedCloseDate": day.date().isoformat(),
        **person.whose,
    }
    if person.organization:
        body["organization"] = person.organization
    return Story(title, body, _end(random))


def _end(random: Random) -> list[Act]:
    drawn = random.randrange(100)
    if drawn < WON:
        return [Act(":win", {})]
    if drawn < WON + LOST:
        return [Act(":lose", {"lostReason": random.choice(REASONS)})]
    return []
