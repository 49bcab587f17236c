"""Chance that falls the same way at every load."""

from random import Random

SEED = 20261122


def chance(topic: str) -> Random:
    """The generator of one topic: what another topic draws does not change it."""
    return Random(f"{SEED}/{topic}")


def key_of(kind: str, which: object) -> str:
    """The idempotency key under which one thing is made."""
    return f"demo-{SEED}-{kind}-{which}"
