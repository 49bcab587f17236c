"""Ids and resource names, such as `contacts/0190.../interactions/0190...`."""

from datetime import datetime

import uuid_utils


def new_id() -> str:
    """A new UUIDv7 in text: later ones sort after earlier ones."""
    return str(uuid_utils.uuid7())


def first_id_at(moment: datetime) -> str:
    """What every id made at this moment or later sorts after, and every earlier one before."""
    told = f"{round(moment.timestamp() * 1000):012x}"
    return f"{told[:8]}-{told[8:]}"


def id_of(name: str) -> str:
    """The last segment of a resource name."""
    return name.rsplit("/", 1)[-1]


def collection_of(name: str) -> str:
    """The collection that a name ends in: `interactions` of `contacts/1/interactions/2`."""
    return name.rsplit("/", 2)[-2]


def container_of(name: str) -> str | None:
    """What a name stands below: `contacts/1` of `contacts/1/interactions/2`."""
    segments = name.split("/")
    return "/".join(segments[:-2]) if len(segments) > 2 else None
