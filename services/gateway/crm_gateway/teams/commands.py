"""Changes to teams. Each runs in one transaction and announces what it did."""

from collections.abc import Sequence

from crm_chassis.resources.document import take_over
from crm_chassis.resources.transaction import Transaction
from crm_gateway.roles.rules import gains_by_teams
from crm_gateway.teams.documents import Team
from crm_gateway.teams.queries import ancestors_of
from crm_gateway.teams.rules import refuse_foreign, refuse_own_ancestor, refuse_own_gain


def create_team(tx: Transaction, team: Team) -> Team:
    """Store a new team."""
    return tx.insert(team)


def update_team(tx: Transaction, changes: Team, paths: Sequence[str], etag: str) -> Team:
    """Take over from `changes` the fields that `paths` name.

    Raises:
        NotFound: there is no such team.
        Stale: an `etag` is given, and it has changed since.
        Forbidden: it is not one of the caller's, or the caller would gain by its new parent.
        Invalid: it would belong to itself.
    """
    team = tx.load(Team, changes.name, expecting=etag)
    _refuse_foreign(tx, team.name)
    before = team.parent
    take_over(changes, team, paths)
    if team.parent and team.parent != before:
        _put_below(tx, team.name, team.parent)
    return tx.update(team)


def delete_team(tx: Transaction, name: str, etag: str) -> Team:
    """Take a team away: it counts for nobody's rights, nor do those below it for those above.

    Raises:
        NotFound, Stale, Forbidden: as in `update_team`.
    """
    team = tx.load(Team, name, expecting=etag)
    _refuse_foreign(tx, name)
    return tx.delete(team)


def undelete_team(tx: Transaction, name: str, etag: str) -> Team:
    """Bring a team back, where it was.

    Raises:
        NotFound, Stale, Forbidden: as in `update_team`.
        NotAllowed: it was not taken away.
    """
    team = tx.load_deleted(Team, name, expecting=etag)
    _refuse_foreign(tx, name)
    _refuse_own_gain(tx, name)
    return tx.undelete(team)


def _refuse_foreign(tx: Transaction, name: str) -> None:
    principal = tx.call.principal
    level = principal.level(Team.collection(), tx.call.action)
    refuse_foreign(name, level, principal.team_scope)


def _put_below(tx: Transaction, name: str, parent: str) -> None:
    refuse_own_ancestor(name, tx.hold(Team, ancestors_of(parent)))
    _refuse_own_gain(tx, name)


def _refuse_own_gain(tx: Transaction, name: str) -> None:
    principal = tx.call.principal
    refuse_own_gain(name, gains_by_teams(principal.rights), principal.team_scope)
