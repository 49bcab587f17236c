"""Decisions about indicators: what they are, which days they speak of, how values come about."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from statistics import median
from zoneinfo import ZoneInfo

from crm_chassis.kernel.errors import Flaw, Invalid
from crm_chassis.kernel.money import Money

COUNT, MONEY, SECONDS, RATIO = "COUNT", "MONEY", "SECONDS", "RATIO"
USUAL_DAYS, MOST_DAYS = 30, 366
_DIGITS = Decimal("0.000001")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kpi:
    """An indicator; one needs the right to read its `collection` to see anything in it."""

    id: str
    display_name: str
    unit: str
    collection: str
    description: str


KPIS: Mapping[str, Kpi] = {
    kpi.id: kpi
    for kpi in (
        Kpi("new-contacts", "New contacts", COUNT, "contacts", "Contacts that were made."),
        Kpi(
            "open-pipeline",
            "Open pipeline",
            MONEY,
            "deals",
            "The amounts of the deals that were open at the end of the day, or are now.",
        ),
        Kpi("won-amount", "Won amount", MONEY, "deals", "The amounts of the deals that were won."),
        Kpi(
            "open-cases",
            "Open cases",
            COUNT,
            "cases",
            "Cases that were neither resolved nor closed at the end of the day, or are not now.",
        ),
        Kpi(
            "median-first-response",
            "Median first response",
            SECONDS,
            "cases",
            "The median time to the first response, of the cases that had it on the day.",
        ),
        Kpi(
            "delivery-rate",
            "Delivery rate",
            RATIO,
            "deliveries",
            "What the mail server took, of the mails that were handed to it or got lost.",
        ),
        Kpi(
            "unsubscribe-rate",
            "Unsubscribe rate",
            RATIO,
            "deliveries",
            "Whose recipients unsubscribed since, of the mails that were sent on the day.",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a day; of a currency where it is an amount."""

    day: date
    value: Decimal
    currency_code: str = ""

    @property
    def text(self) -> str:
        """The value as a plain decimal number with at most six digits behind the point."""
        rounded = self.value.quantize(_DIGITS, ROUND_HALF_EVEN).normalize()
        return f"{rounded + 0:f}"


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """From when to when something was open, and with which amount; it lasts without an end."""

    start: datetime
    end: datetime | None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Some days in a row, of a time zone."""

    days: Sequence[date]
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """When the first day begins."""
        return self._midnight(self.days[0])

    @property
    def end(self) -> datetime:
        """When the last day has ended."""
        return self._midnight(self.days[-1] + _DAY)

    @property
    def ends(self) -> list[datetime]:
        """When each day has ended."""
        return [self._midnight(day + _DAY) for day in self.days]

    def day_of(self, moment: datetime) -> date:
        """The day that a moment is on."""
        return moment.astimezone(self.zone).date()

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def calendar_of(start: str, end: str, zone: ZoneInfo, now: datetime) -> Calendar:
    """The days from the one to the other, and none that has not begun.

    Raises:
        Invalid: they are the wrong way round, or too many.
    """
    today = now.astimezone(zone).date()
    last = date.fromisoformat(end) if end else today
    first = date.fromisoformat(start) if start else last - (USUAL_DAYS - 1) * _DAY
    if last < first:
        flaw = Flaw("end_date", "ENDS_BEFORE_START", "is before the first day", "query")
        raise Invalid("It ends before it begins.", flaw)
    if (last - first).days >= MOST_DAYS:
        flaw = Flaw("end_date", "OUT_OF_RANGE", f"is more than {MOST_DAYS} days on", "query")
        raise Invalid("These are too many days.", flaw)
    count = (min(last, today) - first).days + 1
    return Calendar([first + number * _DAY for number in range(max(count, 0))], zone)


def counts(calendar: Calendar, by_day: Mapping[date, int]) -> Iterator[Value]:
    """How many there were on each day: none is a number too."""
    for day in calendar.days:
        yield Value(day, Decimal(by_day.get(day, 0)))


def amounts(calendar: Calendar, by_day: Mapping[date, Sequence[Money]]) -> Iterator[Value]:
    """The sum of each day in each currency that there is anything in."""
    sums: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for day, some in by_day.items():
        for money in some:
            sums[day, money.currency_code] += money.amount
    codes = sorted({code for _, code in sums})
    for day in calendar.days:
        for code in codes:
            yield Value(day, sums[day, code], code)


def medians(calendar: Calendar, by_day: Mapping[date, Sequence[Decimal]]) -> Iterator[Value]:
    """The median of each day that there is anything to take it of."""
    for day in calendar.days:
        if by_day.get(day):
            yield Value(day, median(by_day[day]))


def ratios(
    calendar: Calendar, parts: Mapping[date, int], wholes: Mapping[date, int]
) -> Iterator[Value]:
    """Which part of the whole each day has that has a whole."""
    for day in calendar.days:
        if wholes.get(day):
            yield Value(day, Decimal(parts.get(day, 0)) / wholes[day])


def open_counts(calendar: Calendar, spans: Iterable[OpenSpan]) -> Iterator[Value]:
    """How many were open at the end of each day."""
    running = _at_ends(calendar, [(span, Decimal(1)) for span in spans])
    for day, value in zip(calendar.days, running, strict=True):
        yield Value(day, value)


def open_amounts(calendar: Calendar, spans: Iterable[OpenSpan]) -> Iterator[Value]:
    """The sum at the end of each day in each currency that anything was open in."""
    by_code: dict[str, list[tuple[OpenSpan, Decimal]]] = defaultdict(list)
    for span in spans:
        if span.amount is not None:
            by_code[span.amount.currency_code].append((span, span.amount.amount))
    series = {code: _at_ends(calendar, some) for code, some in sorted(by_code.items())}
    for number, day in enumerate(calendar.days):
        for code, values in series.items():
            yield Value(day, values[number], code)


def _at_ends(calendar: Calendar, spans: Iterable[tuple[OpenSpan, Decimal]]) -> list[Decimal]:
    """What is open at the end of each day, from what begins and ends before it."""
    ends = calendar.ends
    changes = [Decimal(0)] * (len(ends) + 1)
    for span, amount in spans:
        changes[_first_after(ends, span.start)] += amount
        if span.end is not None:
            changes[_first_after(ends, span.end)] -= amount
    running, total = [], Decimal(0)
    for change in changes[:-1]:
        total += change
        running.append(total)
    return running


def _first_after(ends: Sequence[datetime], moment: datetime) -> int:
    """The number of the first day that ends after the moment."""
    return bisect_right(ends, moment)
