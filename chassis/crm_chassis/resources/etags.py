"""The tag of a version: the quoted number, in bodies and headers alike."""

from crm_chassis.kernel.errors import Stale


def etag_of(version: int) -> str:
    """The tag of a version, quotes included."""
    return f'"{version}"'


def refuse_stale(version: int, expecting: str) -> None:
    """Do nothing when the caller expects this version, any (`*`), or none at all.

    Raises:
        Stale: the caller expects another one.
    """
    if expecting and expecting not in {"*", etag_of(version), str(version)}:
        raise Stale("It has changed since; read it again.")
