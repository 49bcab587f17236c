"""One canonical form of JSON (RFC 8785), and the salted hash over it."""

import hashlib
import os
from typing import Any

import orjson
import rfc8785

_SALT, _DRAWN = 16, 256
_salts: list[str] = []


def canonical(data: Any) -> bytes:
    """The bytes of RFC 8785.

    orjson writes the same bytes seventy times as fast, but for numbers with a fraction and keys
    outside the Basic Multilingual Plane; where there are such, the slower library does it.
    """
    if _is_plain(data):
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    return rfc8785.dumps(data)


def _is_plain(data: Any) -> bool:
    values = [data]
    for value in values:
        kind = type(value)
        if kind is str:
            continue
        if kind is dict:
            if not "".join(value).isascii():
                return False
            values += value.values()
        elif kind is list:
            values += value
        elif kind is float:
            return False
    return True


def new_salt() -> str:
    """16 random bytes in hexadecimal.

    They are drawn many at a time: each draw lets another thread run, which an import's many rows
    would pay for.
    """
    while True:
        try:
            return _salts.pop()
        except IndexError:
            drawn = os.urandom(_SALT * _DRAWN).hex()
            _salts.extend(drawn[at : at + 2 * _SALT] for at in range(0, len(drawn), 2 * _SALT))


def datahash(salt: str, data: Any) -> str:
    """SHA-256 over the salt's bytes and the canonical form, in hexadecimal."""
    return hashlib.sha256(bytes.fromhex(salt) + canonical(data)).hexdigest()
