"""Amounts of money: exact, and only ever compared or added within one currency."""

from dataclasses import dataclass
from decimal import Decimal

NANO = Decimal("0.000000001")


@dataclass(frozen=True, slots=True)
class Money:
    """So much of a currency of ISO 4217."""

    currency_code: str
    amount: Decimal

    @classmethod
    def of(cls, currency_code: str, units: int, nanos: int = 0) -> "Money":
        """The amount that google.type.Money tells by whole units and billionths."""
        return cls(currency_code, Decimal(units) + nanos * NANO)

    @property
    def units(self) -> int:
        """The whole units, towards zero."""
        return int(self.amount)

    @property
    def nanos(self) -> int:
        """The rest in billionths, of the same sign."""
        return int((self.amount - self.units) / NANO)

    def __add__(self, other: "Money") -> "Money":
        if other.currency_code != self.currency_code:
            raise ValueError(f"cannot add {other.currency_code} to {self.currency_code}")
        return Money(self.currency_code, self.amount + other.amount)
