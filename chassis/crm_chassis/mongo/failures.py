"""The database's failures in the words of the house, and how long it may take."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pymongo
from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from crm_chassis.kernel.errors import Conflict, Overdue, Refusal, Unavailable
from crm_chassis.mongo.connection import ping

_WRITE_CONFLICT = 112
# A server that has just begun: not configured yet, no majority to read from, no keys to sign with.
_BEGINNING = frozenset({94, 134, 211})
# How long a probe waits: whoever asks it must hear that the database is silent.
PROBE_SECONDS = 1.0

time_limit: Callable[[float], AbstractContextManager[None]] = pymongo.timeout


def refusal_of(error: Exception) -> Refusal | None:
    """What a caller is told of the driver's error; None when it is another, or a fault of ours."""
    if isinstance(error, ServerSelectionTimeoutError):
        return Unavailable("The database does not answer.", retry_after=1)
    if isinstance(error, PyMongoError) and (error.timeout or isinstance(error, ExecutionTimeout)):
        return Overdue("The database did not answer in time.")
    if isinstance(error, ConnectionFailure):
        return Unavailable("The database does not answer.", retry_after=1)
    return _refusal_of_code(error.code) if isinstance(error, OperationFailure) else None


def _refusal_of_code(code: int | None) -> Refusal | None:
    if code in _BEGINNING:
        return Unavailable("The database is not ready yet.", retry_after=1)
    if code == _WRITE_CONFLICT:
        return Conflict("Somebody else changed it at the same moment.")
    return None


def check_database() -> None:
    """Do nothing while the database answers soon.

    Raises:
        PyMongoError: it does not.
    """
    with time_limit(PROBE_SECONDS):
        ping()
