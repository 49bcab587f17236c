"""Decisions about contact points: plain values in, plain values out."""

from collections.abc import Sequence

from crm_chassis.kernel.errors import Flaw, Invalid


def tidy_address(address: str) -> str:
    """The e-mail address with its domain in lower case; what stands before the @ is kept.

    Source: RFC 5321, 2.4: only the domain is free of case.
    """
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


def refuse_two_primaries(field: str, flags: Sequence[bool]) -> None:
    """At most one of a list is the one to use first.

    Raises:
        Invalid: several are; it names the second.
    """
    primaries = [index for index, is_primary in enumerate(flags) if is_primary]
    if len(primaries) > 1:
        flaw = Flaw(f"{field}[{primaries[1]}].primary", "TWO_PRIMARIES", "only one can be primary")
        raise Invalid("Only one can be primary.", flaw)
