"""What an internal token says, packed so that 200 teams and 40 types of rights stay under 4 KiB.

Claims are a line of JSON. Teams are ids of 128 bits that hardly deflate, so they stand behind the
line in binary: the n-th bytes of all ids together, since sorted ids have their first bytes alike.
"""

import json
import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crm_chassis.telemetry.context import Level, Principal, Rights

Claims = Mapping[str, Any]
_ACTIONS = ("READ", "CREATE", "UPDATE", "DELETE", "EXPORT", "BULK", "MERGE", "ERASE")
_LEVELS: Mapping[str, Level | None] = {"-": None, "O": "OWN", "T": "TEAM", "A": "ALL"}
_TEAMS = "teams/"
_ID_BYTES = 16
_MOST_BYTES = 256 * 1024


def pack(claims: Claims, principal: Principal) -> bytes:
    """The payload of a token with these claims about this principal."""
    scope = principal.team_scope | principal.teams
    ids = sorted(_id_of(team) for team in scope if _is_packable(team))
    own = {_id_of(team) for team in principal.teams if _is_packable(team)}
    told = {
        **claims,
        "sub": principal.name,
        "user": principal.user,
        "rights": {name: _letters(levels) for name, levels in principal.rights.items()},
        "ids": len(ids),
        "own": [index for index, team in enumerate(ids) if team in own],
        "teams": _plain(principal.teams),
        "scope": _plain(scope),
    }
    line = json.dumps(told, separators=(",", ":")).encode()
    return zlib.compress(line + b"\n" + _transposed(b"".join(ids), len(ids)), 9)


def unpack(payload: bytes) -> tuple[Claims, Principal]:
    """The claims of a payload, and the principal that they are about.

    Raises:
        ValueError: it is none.
    """
    try:
        line, _, columns = _inflated(payload).partition(b"\n")
        claims = json.loads(line)
        ids = _ids(columns, claims["ids"])
        own = [ids[index] for index in claims["own"]]
        principal = Principal(
            name=claims["sub"],
            user=claims["user"],
            teams=frozenset((*own, *claims["teams"])),
            team_scope=frozenset((*ids, *claims["scope"])),
            rights=_rights(claims["rights"]),
        )
    except (KeyError, TypeError, IndexError, AttributeError, zlib.error) as error:
        raise ValueError("no claims of a token") from error
    return claims, principal


def _id_of(team: str) -> bytes:
    return uuid.UUID(team.removeprefix(_TEAMS)).bytes


def _is_packable(team: str) -> bool:
    """Whether the name is `teams/` and a UUID as it is usually written."""
    try:
        return _name_of(_id_of(team)) == team
    except ValueError:
        return False


def _name_of(team: bytes) -> str:
    return f"{_TEAMS}{uuid.UUID(bytes=team)}"


def _plain(teams: Iterable[str]) -> list[str]:
    return sorted(team for team in teams if not _is_packable(team))


def _transposed(ids: bytes, count: int) -> bytes:
    assert len(ids) == count * _ID_BYTES
    return b"".join(ids[column::_ID_BYTES] for column in range(_ID_BYTES))


def _ids(columns: bytes, count: int) -> Sequence[str]:
    if len(columns) != count * _ID_BYTES:
        raise ValueError("the ids are cut off")
    return [_name_of(columns[row::count]) for row in range(count)]


def _letters(levels: Mapping[str, Level]) -> str:
    """A level for each action, in their order, as a letter: `ATTO----`."""
    return "".join((levels.get(action) or "-")[0] for action in _ACTIONS)


def _rights(letters: Mapping[str, str]) -> Rights:
    return {
        name: {
            action: level
            for action, letter in zip(_ACTIONS, levels, strict=True)
            if (level := _LEVELS[letter]) is not None
        }
        for name, levels in letters.items()
    }


def _inflated(payload: bytes) -> bytes:
    """The payload's content, unless it is larger than any that we make."""
    inflater = zlib.decompressobj()
    content = inflater.decompress(payload, _MOST_BYTES)
    if not inflater.eof:
        raise ValueError("the payload does not end")
    return content
