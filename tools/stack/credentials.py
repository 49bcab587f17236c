"""Passwords and keys of a stack: made at its first start, kept from then on."""

import json
import secrets
from pathlib import Path

from joserfc.jwk import Key, KeySet, OKPKey

from stack.layout import Layout, replace_file
from stack.services import SERVICES

ADMINISTRATOR = "crm"


def passwords(layout: Layout) -> dict[str, str]:
    """The password of each service, and of the administrator, for MongoDB and RabbitMQ alike."""
    path = layout.secrets / "passwords.json"
    kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    names = [ADMINISTRATOR, *(service.name for service in SERVICES)]
    answer = {name: kept.get(name) or secrets.token_hex(16) for name in names}
    replace_file(path, json.dumps(answer, indent=1), mode=0o600)
    return answer


def replica_set_key(layout: Layout) -> Path:
    """The key that members of the replica set share: with it mongod asks for a password."""
    path = layout.secrets / "replica-set.key"
    if not path.exists():
        replace_file(path, secrets.token_hex(32), mode=0o600)
    return path


def token_key(layout: Layout, service: str) -> Path:
    """The private key with which a service signs its internal tokens."""
    path = layout.secrets / f"{service}.pem"
    if not path.exists():
        key = OKPKey.generate_key("Ed25519")
        replace_file(path, key.as_pem(private=True).decode("ascii"), mode=0o600)
    return path


def token_keys(layout: Layout) -> Path:
    """The public keys of all services, each under its service's name."""
    keys: list[Key] = [
        OKPKey.import_key(
            token_key(layout, service.name).read_text(encoding="ascii"),
            {"kid": service.name, "use": "sig"},
        )
        for service in SERVICES
    ]
    path = layout.secrets / "token-keys.json"
    replace_file(path, json.dumps(KeySet(keys).as_dict(private=False), indent=1))
    return path
