"""Decisions about organizations: plain values in, plain values out."""

from collections.abc import Sequence

from crm_chassis.kernel.errors import Flaw, Invalid


def tidy_domains(domains: Sequence[str]) -> list[str]:
    """Lower case, each once, in the order given."""
    return list(dict.fromkeys(domain.lower() for domain in domains))


def refuse_own_ancestor(organization: str, ancestors: Sequence[str]) -> None:
    """An organization may not belong to itself, directly or through its parents.

    Raises:
        Invalid: `organization` is among its `ancestors`.
    """
    if organization in ancestors:
        flaw = Flaw("parent", "OWN_ANCESTOR", "names the organization itself or one below it")
        raise Invalid("An organization cannot belong to itself.", flaw)
