"""Decisions about one list made of many: where each goes on, and how much of it is shown."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from crm_chassis.kernel.errors import Flaw, Invalid

_POSITION = re.compile(r"(?P<service>[a-z-]{1,40})\.(?P<token>[A-Za-z0-9_=-]*)")
# Where to go on in each service that may have more; an empty token is its beginning.
Positions = Mapping[str, str]
K = TypeVar("K", bound=tuple[object, ...])


def positions_in(token: str, services: Iterable[str]) -> Positions:
    """Where each service goes on: at its beginning without a token.

    Raises:
        Invalid: the token is none of this list.
    """
    there = frozenset(services)
    if not token:
        return dict.fromkeys(sorted(there), "")
    parts = [_POSITION.fullmatch(part) for part in token.split("~")]
    positions = {part["service"]: part["token"] for part in parts if part is not None}
    if len(positions) < len(parts) or not there.issuperset(positions):
        flaw = Flaw("page_token", "INVALID_PAGE_TOKEN", "is not a token of this list", "query")
        raise Invalid("The page token is not valid.", flaw)
    return positions


def token_of(positions: Positions, silent: Positions) -> str:
    """The token of the next page; empty when nobody has more.

    Who did not answer is asked again as long as others go on.
    """
    if not positions:
        return ""
    return "~".join(f"{name}.{token}" for name, token in sorted({**positions, **silent}.items()))


def shares(keys: Mapping[str, Sequence[K]], size: int) -> dict[str, int]:
    """How many of each service's rows are among the first `size` of all, the largest key first."""
    order = sorted(((key, service) for service, some in keys.items() for key in some), reverse=True)
    found = dict.fromkeys(keys, 0)
    for _, service in order[:size]:
        found[service] += 1
    return found
