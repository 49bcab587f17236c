"""Decisions about contacts: plain values in, plain values out."""

from collections.abc import Sequence

from crm_chassis.kernel.errors import Flaw, Invalid

CUSTOMER = "CUSTOMER"
_BEYOND = frozenset({CUSTOMER, "ADVOCATE"})


def display_name_of(
    given_name: str | None,
    family_name: str | None,
    addresses: Sequence[str],
    numbers: Sequence[str],
) -> str:
    """How people call the person: the names, else the first e-mail address, else the first number.

    Raises:
        Invalid: there is none of them.
    """
    names = " ".join(name.strip() for name in (given_name, family_name) if name and name.strip())
    if names:
        return names[:255]
    for point in (*addresses[:1], *numbers[:1]):
        return point
    flaw = Flaw("given_name", "NAMELESS", "or a family name, an e-mail address or a phone number")
    raise Invalid("A contact needs a name, an e-mail address or a phone number.", flaw)


def comes_before_customer(stage: str | None) -> bool:
    """Whether who is in the stage, or in none, would rise to be a customer; former ones would."""
    return stage not in _BEYOND


def refuse_backward_span(field: str, start: str | None, end: str | None) -> None:
    """A span of days does not end before it begins.

    Raises:
        Invalid: it does.
    """
    if start and end and end < start:
        raise Invalid("It ends before it begins.", Flaw(field, "ENDS_BEFORE_START", "is too early"))
