"""The kinds of refusal: what a caller can be told is wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Place = Literal["body", "query", "path", "header"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong with an input.

    `field` is the path as the proto names it (`emails[0].address`), `reason` a stable
    UPPER_SNAKE word that clients translate.
    """

    field: str
    reason: str
    description: str = ""
    place: Place = "body"


class Refusal(Exception):
    """A request is turned down, and the caller may know why."""

    reason = "REFUSED"

    def __init__(
        self,
        detail: str,
        *flaws: Flaw,
        reason: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.flaws: tuple[Flaw, ...] = flaws
        self.reason = reason or type(self).reason
        self.retry_after = retry_after


class Invalid(Refusal):
    """The input is malformed or breaks a rule; the same input is wrong again."""

    reason = "INVALID_FIELDS"


class NotFound(Refusal):
    """There is no such resource, or the caller may not see it."""

    reason = "NOT_FOUND"


class Exists(Refusal):
    """Something that must be unique is there already."""

    reason = "ALREADY_EXISTS"


class Conflict(Refusal):
    """Somebody else changed the same thing at the same moment; trying again may help."""

    reason = "CONFLICT"


class Stale(Refusal):
    """The tag that the caller named is not the current one."""

    reason = "STALE"


class MissingPrecondition(Refusal):
    """The call must name the tag it expects."""

    reason = "MISSING_PRECONDITION"


class NotAllowed(Refusal):
    """The state of the resource does not allow it."""

    reason = "NOT_ALLOWED"


class Forbidden(Refusal):
    """The caller is known and may not do this."""

    reason = "PERMISSION_DENIED"


class Unauthenticated(Refusal):
    """It is not known who calls."""

    reason = "UNAUTHENTICATED"


class Unavailable(Refusal):
    """A part that is needed does not answer."""

    reason = "UNAVAILABLE"


class Overdue(Refusal):
    """It took longer than the caller wanted to wait."""

    reason = "TIMEOUT"


class TooMany(Refusal):
    """The caller asks too often, or the service has too much to do."""

    reason = "TOO_MANY_REQUESTS"


class TooLarge(Refusal):
    """The request is larger than what is taken."""

    reason = "TOO_LARGE"


class KeyReused(Refusal):
    """The idempotency key was used for another request."""

    reason = "IDEMPOTENCY_KEY_REUSED"


class KeyInUse(Refusal):
    """The first request with this idempotency key is still running."""

    reason = "IDEMPOTENCY_KEY_IN_USE"


def refuse_flaws(flaws: Iterable[Flaw]) -> None:
    """Do nothing when there are none.

    Raises:
        Invalid: there are; it names each.
    """
    found = tuple(flaws)
    if found:
        raise Invalid("Some fields are not valid.", *found)
