"""Passwords and keys of the suite in a cluster: made at the first deployment, kept from then on."""

import json
import secrets
from collections.abc import Callable, Mapping

from joserfc.jwk import Key, KeySet, OKPKey

from crm_chassis.testing.rabbit import definitions_of
from deployment.cluster import Cluster
from stack.services import GATEWAY, SERVICES

VHOST = "crm"
ACCOUNTS = ("administrator", *(service.name for service in SERVICES))
MONGODB = "crm-data-mongodb"
TOKENS = "crm-tokens"
BOOTSTRAP = "crm-bootstrap"

Data = Mapping[str, str]


def make_secrets(cluster: Cluster) -> None:
    """Make the Secrets of both charts, as far as they are not there."""
    passwords = cluster.secret(MONGODB)
    if not passwords:
        passwords = {name: secrets.token_hex(16) for name in ACCOUNTS}
        passwords["keyfile"] = secrets.token_hex(32)
        cluster.make_secret(MONGODB, passwords)
    followers: dict[str, Callable[[], Data]] = {
        "crm-data-rabbitmq": lambda: _definitions(passwords),
        "crm-mongodb": lambda: _mongodb_uris(cluster.namespace, passwords),
        "crm-rabbitmq": lambda: _rabbitmq_uris(cluster.namespace, passwords),
        "crm-smtp": lambda: {"url": f"smtp://crm-data-smtp.{cluster.namespace}.svc:2525"},
        TOKENS: _token_keys,
    }
    for name, data in followers.items():
        if not cluster.secret(name):
            cluster.make_secret(name, data())


def api_key(cluster: Cluster, release: str) -> str:
    """An administrator's API key, made by the gateway where none is kept."""
    kept = cluster.secret(BOOTSTRAP).get("api-key")
    if kept:
        return kept
    gateway = f"deployment/{release}-{GATEWAY.name}-api"
    told = cluster.kubectl("exec", gateway, "--", "python", "-m", GATEWAY.package, "bootstrap")
    key = told.split()[-1]
    cluster.make_secret(BOOTSTRAP, {"api-key": key})
    return key


def _definitions(passwords: Data) -> Data:
    accounts = {service.name: passwords[service.name] for service in SERVICES}
    return {"definitions.json": json.dumps(definitions_of([VHOST], accounts))}


def _mongodb_uris(namespace: str, passwords: Data) -> Data:
    place = f"crm-data-mongodb.{namespace}.svc:27017/?replicaSet=crm"
    return {
        f"{service.name}-uri": f"mongodb://{service.name}:{passwords[service.name]}@{place}"
        for service in SERVICES
    }


def _rabbitmq_uris(namespace: str, passwords: Data) -> Data:
    place = f"crm-data-rabbitmq.{namespace}.svc:5672/{VHOST}"
    return {
        f"{service.name}-uri": f"amqp://{service.name}:{passwords[service.name]}@{place}"
        for service in SERVICES
    }


def _token_keys() -> Data:
    private: dict[str, str] = {}
    public: list[Key] = []
    for service in SERVICES:
        pem = OKPKey.generate_key("Ed25519").as_pem(private=True).decode("ascii")
        private[f"{service.name}-key"] = pem
        public.append(OKPKey.import_key(pem, {"kid": service.name, "use": "sig"}))
    return {**private, "keys": json.dumps(KeySet(public).as_dict(private=False))}
