"""The matrix of principals and RPCs, generated from the protos.

Every route that an RPC declares is called by everybody: an administrator, a manager, the owner of
what is called for, a team mate, a stranger, a viewer, somebody with a revoked key, and nobody. What
must come of it follows from the RPC's permission, the roles' grants and who owns what. An RPC for
which nothing below says how to call it fails.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from crm.api.v1 import options_pb2
from google.api import annotations_pb2

from crm_chassis.testing.protos import Declared, declared_rpcs
from crm_chassis.testing.suite import Answer, Client

LEVELS = {"OWN": 1, "TEAM": 2, "ALL": 3}
WHO = ("administrator", "manager", "owner", "mate", "stranger", "viewer", "revoked", "anonymous")
# Answers that say: you were let in (the request may still be refused for what it asks).
LET_IN = {200, 400, 409, 412, 422}
# Rights here do not follow from an owner: the gateway's own tests show them.
IDENTITIES = {"users", "teams", "roles", "apiKeys"}


@dataclass(frozen=True)
class World:
    """Who there is, and what they may do by their roles."""

    clients: Mapping[str, Client]
    rights: Mapping[str, Mapping[tuple[str, str], str]]

    def level(self, who: str, collection: str, action: str) -> int:
        granted = self.rights[who]
        found = (granted.get((name, action)) for name in (collection, "*"))
        return max((LEVELS[level] for level in found if level), default=0)


@pytest.fixture(scope="module")
def world(suite) -> World:
    admin = suite.client()
    team = admin.post("/v1/teams", {"displayName": "Matrix"}).ok()["name"]
    other = admin.post("/v1/teams", {"displayName": "Elsewhere"}).ok()["name"]
    told = {
        "administrator": ("roles/administrator", other),
        "manager": ("roles/manager", team),
        "owner": ("roles/member", team),
        "mate": ("roles/member", team),
        "stranger": ("roles/member", other),
        "viewer": ("roles/viewer", other),
        "revoked": ("roles/administrator", team),
    }
    clients = {
        who: suite.client(_key(admin, who, role, team)) for who, (role, team) in told.items()
    }
    _revoke(admin, clients["revoked"])
    rights = {who: _grants(admin, role) for who, (role, _) in told.items()}
    return World({**clients, "anonymous": suite.client(None)}, rights)


def _key(admin: Client, who: str, role: str, team: str) -> str:
    mail = f"{who}-{uuid.uuid4().hex[:8]}@example.com"
    user = {"displayName": who, "email": mail, "teams": [team], "roles": [role]}
    name = admin.post("/v1/users", user).ok()["name"]
    return admin.post("/v1/apiKeys", {"user": name, "displayName": who}).ok()["secret"]


def _revoke(admin: Client, client: Client) -> None:
    assert client.key is not None
    plain = client.key.split("_")[2]
    admin.post(f"/v1/apiKeys/{uuid.UUID(plain)}:revoke").ok()
    from crm_chassis.testing.waiting import wait_until

    wait_until(lambda: client.get("/v1/contacts").status == 401)


def _grants(admin: Client, role: str) -> Mapping[tuple[str, str], str]:
    grants = admin.get(f"/v1/{role}").ok()["grants"]
    return {(grant["resourceType"], grant["action"]): grant["level"] for grant in grants}


@dataclass(frozen=True)
class Things:
    """What the owner made to be called for: names by their collection, and their tags."""

    contact: str
    etag: str
    organization: str
    interaction: str
    consent: str

    def fill(self, template: str) -> str:
        """The path of a route with real names in it."""
        path = re.sub(r"\{[a-z_.]+=([^}]+)\}", r"\1", template).replace("{service}", "contacts")
        for pattern, name in (
            ("contacts/*/interactions/*", self.interaction),
            ("contacts/*/consents/*", self.consent),
            ("contacts/*", self.contact),
            ("organizations/*", self.organization),
        ):
            path = path.replace(pattern, name)
        return path


def make_things(owner: Client) -> Things:
    contact = owner.post("/v1/contacts", {"givenName": "Ann"}).ok()
    name = contact["name"]
    organization = owner.post("/v1/organizations", {"displayName": "Acme"}).ok()
    interaction = {"channel": "PHONE", "direction": "INBOUND"}
    consent = {"purpose": "news", "channel": "EMAIL", "state": "GRANTED"}
    return Things(
        name,
        contact["etag"],
        organization["name"],
        owner.post(f"/v1/{name}/interactions", interaction).ok()["name"],
        owner.post(f"/v1/{name}/consents", consent).ok()["name"],
    )


BODIES = {
    "CreateContact": {"givenName": "Bob"},
    "CreateOrganization": {"displayName": "Bob"},
    "CreateInteraction": {"channel": "CHAT", "direction": "OUTBOUND"},
    "CreateConsent": {"purpose": "news", "channel": "SMS", "state": "DENIED"},
    "UpdateContact": {"tags": ["x"]},
    "UpdateOrganization": {"tags": ["x"]},
    "UpdateInteraction": {"outcome": "x"},
    "ReconcileLedger": {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T01:00:00Z"},
}
QUERIES = {
    "SearchContacts": {"query": "zzz"},
    "SearchService": {"query": "zzz"},
    "ListLedgerEntries": {
        "startTime": "2026-01-01T00:00:00Z",
        "endTime": "2026-01-01T01:00:00Z",
    },
}
# A name of these cannot be had without the work behind it; a well-formed one shows who is let in.
NOBODYS = {
    "operations/*": "operations/contacts.0190b0c4-0000-7000-8000-000000000000",
    "deadLetters/*": "deadLetters/analytics.0190b0c4-0000-7000-8000-000000000000",
}


def routes() -> Iterator[tuple[Declared, str, str]]:
    """Each RPC with each of its verbs and paths, but identities' and uploads."""
    for rpc in declared_rpcs():
        if rpc.collection in IDENTITIES or rpc.method.client_streaming:
            continue
        option = rpc.method.GetOptions().Extensions[annotations_pb2.http]
        for rule in (option, *option.additional_bindings):
            verb = rule.WhichOneof("pattern")
            yield rpc, verb.upper(), getattr(rule, verb)


@pytest.mark.parametrize(
    ("rpc", "verb", "template"),
    [pytest.param(*route, id=f"{route[1]} {route[2]}") for route in routes()],
)
@pytest.mark.parametrize("who", WHO)
def test_each_is_let_in_or_kept_out_as_the_protos_and_roles_say(world, who, rpc, verb, template):
    things = make_things(world.clients["owner"])
    nobodys = next((name for pattern, name in NOBODYS.items() if pattern in template), None)
    if rpc.method.name.startswith("Undelete"):
        _delete(world.clients["owner"], things.fill(template.removesuffix(":undelete")))

    answer = _call(world.clients[who], rpc, verb, things.fill(_with_nobodys(template)))

    assert answer.status in _expected(world, who, rpc, is_somebodys=nobodys is None), (
        f"{who} got {answer.status}: {answer.content[:300]!r}"
    )


def _with_nobodys(template: str) -> str:
    for pattern, name in NOBODYS.items():
        template = template.replace("{name=" + pattern + "}", name)
    return template


def _call(client: Client, rpc: Declared, verb: str, path: str) -> Answer:
    name = rpc.method.name
    assert verb == "GET" or name in BODIES or not name.startswith(("Create", "Update")), (
        f"nothing says how to call {name}: add a body"
    )
    body = BODIES.get(name, {}) if verb in ("POST", "PATCH") else None
    headers = {"If-Match": '"1"'} if verb in ("PATCH", "DELETE") else {}
    return client.ask(verb, path, body, QUERIES.get(name), headers)


def _delete(owner: Client, path: str) -> None:
    assert owner.ask("DELETE", path, headers={"If-Match": '"1"'}).status == 200


def _expected(world: World, who: str, rpc: Declared, *, is_somebodys: bool) -> set[int]:
    if who in ("anonymous", "revoked"):
        return {401}
    if not world.level(who, rpc.collection, rpc.action):
        return {403}
    if not is_somebodys:
        return {404}
    if "{" not in rpc.path or rpc.collection not in _OWNED:
        return LET_IN
    sees = world.level(who, rpc.seen_with, "READ")
    if not _reaches(who, sees):
        return {404}
    if rpc.action == "READ" or rpc.method.name.startswith("Create"):
        return LET_IN
    may = world.level(who, rpc.collection, rpc.action)
    return LET_IN if _reaches(who, may) else {403}


_OWNED = {"contacts", "organizations", "interactions", "consents"}
_NEEDED = {"administrator": 3, "viewer": 3, "stranger": 3, "manager": 2, "mate": 2, "owner": 1}


def _reaches(who: str, level: int) -> bool:
    """Whether a right at that level reaches what the owner made."""
    return level >= _NEEDED[who]


def test_every_rpc_declares_what_it_needs():
    for rpc in declared_rpcs():
        options = rpc.method.GetOptions().Extensions
        assert options[options_pb2.permission], rpc.method.full_name
        assert options[options_pb2.idempotency], rpc.method.full_name
        assert rpc.collection, rpc.method.full_name
        assert rpc.path, rpc.method.full_name
