"""Decisions about teams: plain values in, plain values out."""

from collections.abc import Collection

from crm_chassis.kernel.errors import Flaw, Forbidden, Invalid


def refuse_own_ancestor(team: str, ancestors: Collection[str]) -> None:
    """A team may not belong to itself, directly or through its parents.

    Raises:
        Invalid: `team` is among its `ancestors`.
    """
    if team in ancestors:
        flaw = Flaw("parent", "OWN_ANCESTOR", "names the team itself or one below it")
        raise Invalid("A team cannot belong to itself.", flaw)


def refuse_foreign(team: str, level: str | None, scope: Collection[str]) -> None:
    """Whoever has a right at TEAM has it over their own teams and those below.

    Raises:
        Forbidden: `team` is not in their `scope`.
    """
    if level != "ALL" and team not in scope:
        raise Forbidden(f"{team} is not one of your teams.")


def refuse_own_gain(team: str, gains: bool, scope: Collection[str]) -> None:
    """Nobody moves a team, or brings one back, to reach what it shares.

    `gains` tells whether the caller reaches more when a team comes below one of theirs.

    Raises:
        Forbidden: the caller would, and does not reach `team` already.
    """
    if gains and team not in scope:
        raise Forbidden(
            f"You would give rights over {team} that you do not have yourself.",
            reason="MORE_THAN_OWN_RIGHTS",
        )
