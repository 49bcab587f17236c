"""Decisions about engagements: what one is, and what many add up to."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from crm_chassis.kernel.clock import parse_rfc3339, rfc3339
from crm_chassis.kernel.ids import collection_of, container_of
from crm_chassis.kernel.money import Money

OPEN, WON = "OPEN", "WON"
_OPEN_CASES = frozenset({"NEW", OPEN, "PENDING"})
Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Engagement:
    """What an interaction, a deal, a case or a person counts as, as of one version.

    `customers` are those that it concerns now, not those that it once did; `state` is OPEN, WON
    or another; `time` when the customer and the company were in touch by it.
    """

    subject: str
    sequence: int
    parent: str
    customers: tuple[str, ...]
    deleted: bool = False
    time: datetime | None = None
    state: str = ""
    amount: Money | None = None

    @property
    def collection(self) -> str:
        """The collection of the resource."""
        return collection_of(self.subject)


@dataclass(frozen=True, slots=True)
class Tally:
    """What some engagements of one collection, state and currency come to."""

    collection: str
    state: str = ""
    count: int = 1
    first: datetime | None = None
    last: datetime | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Insights:
    """What a customer's engagements add up to; amounts by currency."""

    first_contact: datetime | None = None
    last_contact: datetime | None = None
    interactions: int = 0
    open_deals: int = 0
    open_amounts: tuple[Money, ...] = ()
    won_amounts: tuple[Money, ...] = ()
    open_cases: int = 0


def interaction(subject: str, sequence: int, parent: str, data: Data) -> Engagement:
    """An interaction: it concerns the contact that it stands below."""
    return Engagement(
        subject=subject,
        sequence=sequence,
        parent=parent,
        customers=(container_of(subject) or "",),
        deleted="deleteTime" in data,
        time=parse_rfc3339(data["occurTime"]) if "occurTime" in data else None,
    )


def person(subject: str, sequence: int, parent: str, data: Data) -> Engagement:
    """A person of an organization: what the company and the person have, it has as well."""
    positions = data.get("positions", [])
    return Engagement(
        subject=subject,
        sequence=sequence,
        parent=parent,
        customers=tuple(dict.fromkeys(position["organization"] for position in positions)),
        deleted="deleteTime" in data,
    )


def deal(subject: str, sequence: int, parent: str, data: Data) -> Engagement:
    """A deal: of the organization that would buy, and of the people who have a say in it."""
    people = [participant["contact"] for participant in data.get("contacts", [])]
    return Engagement(
        subject=subject,
        sequence=sequence,
        parent=parent,
        customers=_names(data.get("organization"), *people),
        deleted="deleteTime" in data,
        state=data.get("state", ""),
        amount=money_of(data.get("amount")),
    )


def case(subject: str, sequence: int, parent: str, data: Data) -> Engagement:
    """A case: open until it is resolved."""
    is_open = data.get("state") in _OPEN_CASES
    return Engagement(
        subject=subject,
        sequence=sequence,
        parent=parent,
        customers=_names(data.get("contact"), data.get("organization")),
        deleted="deleteTime" in data,
        state=OPEN if is_open else data.get("state", ""),
    )


# How an engagement follows from a resource's JSON, by collection. Another kind is a line here.
KINDS: Mapping[str, Callable[[str, int, str, Data], Engagement]] = {
    "contacts": person,
    "interactions": interaction,
    "deals": deal,
    "cases": case,
}


def tally(engagement: Engagement) -> Tally:
    """What one engagement comes to."""
    return Tally(
        collection=engagement.collection,
        state=engagement.state,
        first=engagement.time,
        last=engagement.time,
        amount=engagement.amount,
    )


def add_up(tallies: Iterable[Tally]) -> Insights:
    """What all of a customer's tallies come to."""
    found = list(tallies)
    met = [each for each in found if each.collection == "interactions"]
    deals = [each for each in found if each.collection == "deals"]
    cases = [each for each in found if each.collection == "cases"]
    return Insights(
        first_contact=min((each.first for each in met if each.first), default=None),
        last_contact=max((each.last for each in met if each.last), default=None),
        interactions=sum(each.count for each in met),
        open_deals=sum(each.count for each in deals if each.state == OPEN),
        open_amounts=_sums(each.amount for each in deals if each.state == OPEN),
        won_amounts=_sums(each.amount for each in deals if each.state == WON),
        open_cases=sum(each.count for each in cases if each.state == OPEN),
    )


def insights_json(insights: Insights) -> dict[str, Any]:
    """The section `insights` of the customer view in proto3 JSON; no time where there is none."""
    times = {
        "firstContactTime": insights.first_contact,
        "lastContactTime": insights.last_contact,
    }
    return {
        **{name: rfc3339(time) for name, time in times.items() if time is not None},
        "interactionCount": insights.interactions,
        "openDealCount": insights.open_deals,
        "openAmounts": [_money_json(money) for money in insights.open_amounts],
        "wonAmounts": [_money_json(money) for money in insights.won_amounts],
        "openCaseCount": insights.open_cases,
    }


def _sums(amounts: Iterable[Money | None]) -> tuple[Money, ...]:
    """The sum in each currency, by its code."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for money in amounts:
        if money is not None:
            sums[money.currency_code] += money.amount
    return tuple(Money(code, amount) for code, amount in sorted(sums.items()))


def _names(*told: str | None) -> tuple[str, ...]:
    """The names that are told, each once."""
    return tuple(dict.fromkeys(name for name in told if name))


def money_of(data: Data | None) -> Money | None:
    """The amount of a google.type.Money in proto3 JSON; None where there is none."""
    if not data or not data.get("currencyCode"):
        return None
    return Money.of(data["currencyCode"], int(data.get("units", 0)), data.get("nanos", 0))


def _money_json(money: Money) -> dict[str, Any]:
    return {
        "currencyCode": money.currency_code,
        "units": str(money.units),
        "nanos": money.nanos,
    }
