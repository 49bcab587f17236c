"""The matrix of principals and RPCs, generated from the protos.

Every route that an RPC declares, and every view, is called by everybody: an administrator, a
manager, the owner of what is called for, a team mate, a stranger, a viewer, somebody with a revoked
key, and nobody. What must come of it follows from the RPC's permission, the roles' grants and who
owns what. An RPC for which nothing below says how to call it fails.
"""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from contract import mailings
from contract.examples import PIPELINE
from contract.whole import whole
from crm.api.v1 import options_pb2
from google.api import annotations_pb2

from crm_chassis.kernel.clock import now, rfc3339
from crm_chassis.testing.protos import Declared, declared_rpcs
from crm_chassis.testing.suite import Answer, Client
from crm_chassis.testing.waiting import wait_until

WHO = (
    "administrator",
    "manager",
    "owner",
    "mate",
    "stranger",
    "viewer",
    "revoked",
    "anonymous",
)
OWN, TEAM, ALL = 1, 2, 3
# The level that reaches what the owner made, by who asks.
OF_OWNER = dict.fromkeys(WHO, ALL) | {"owner": OWN, "mate": TEAM, "manager": TEAM}
# What an operation's owner is, is a manager here: members may not import.
OF_MANAGER = dict.fromkeys(WHO, ALL) | {"manager": OWN, "owner": TEAM, "mate": TEAM}
# A user or a key belongs to one person and to no team.
OF_ONE = dict.fromkeys(WHO, ALL)
# Whoever may see any of these sees all of them; a change needs more than a right to one's own.
COMMON = dict.fromkeys(WHO, TEAM)
REACHES = {
    "contacts": OF_OWNER,
    "organizations": OF_OWNER,
    "interactions": OF_OWNER,
    "consents": OF_OWNER,
    "deals": OF_OWNER,
    "pipelines": COMMON,
    "kpis": COMMON,
    "cases": OF_OWNER,
    "messages": OF_OWNER,
    "audiences": OF_OWNER,
    "members": OF_OWNER,
    "campaigns": OF_OWNER,
    "deliveries": OF_OWNER,
    "operations": OF_MANAGER,
    "users": OF_ONE,
    "apiKeys": OF_ONE | {"owner": OWN},
    "roles": COMMON,
    "teams": COMMON | {"stranger": ALL, "viewer": ALL, "administrator": ALL},
}
SEEN_BY_ALL = {"kpis", "pipelines", "roles", "teams"}
SEEN_WITH = {"interactions": "contacts", "consents": "contacts", "messages": "cases"}
SEEN_WITH |= {"members": "audiences", "deliveries": "campaigns"}
# Whoever is let in finds nothing: what it asks for cannot be guessed.
FINDS_NOTHING = {"UnsubscribeDelivery"}
# Only who may see all of these may see any, and only who may do these to all may do them.
ALL_OR_NONE = {"deadLetters", "RepublishEvents"}
# There is none of these that a test could call for; a well-formed name shows who is let in.
NOBODYS = {"deadLetters": "deadLetters/analytics.0190b0c4-0000-7000-8000-000000000000"}

SPAN = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T01:00:00Z"}
BODIES: dict[str, dict[str, Any]] = {
    "CreateContact": {"givenName": "Bob"},
    "CreateOrganization": {"displayName": "Bob"},
    "CreateInteraction": {"channel": "CHAT", "direction": "OUTBOUND"},
    "CreateConsent": {"purpose": "news", "channel": "SMS", "state": "DENIED"},
    "CreatePipeline": PIPELINE,
    "CreateDeal": {"displayName": "Bob"},
    "CreateCase": {"subject": "Bob"},
    "CreateMessage": {"kind": "NOTE", "body": "Bob"},
    "CreateRole": {"displayName": "Bob"},
    "CreateTeam": {"displayName": "Bob"},
    "CreateUser": {"displayName": "Bob"},
    "CreateApiKey": {"displayName": "Bob"},
    "UpdateContact": {"tags": ["x"]},
    "UpdateOrganization": {"tags": ["x"]},
    "UpdateInteraction": {"outcome": "x"},
    "UpdatePipeline": {"displayName": "x"},
    "UpdateDeal": {"displayName": "x"},
    "LoseDeal": {"lostReason": "x"},
    "UpdateCase": {"description": "x"},
    "ReplyToCase": {"body": "x"},
    "UpdateRole": {"displayName": "x"},
    "UpdateTeam": {"displayName": "x"},
    "UpdateUser": {"displayName": "x"},
    "UpdateApiKey": {"displayName": "x"},
    "CreateAudience": {"displayName": "Bob"},
    "CreateCampaign": {
        "displayName": "Bob",
        "fromAddress": "bob@example.com",
        "subject": "x",
        "body": "x",
        "purpose": "news",
    },
    "UpdateAudience": {"displayName": "x"},
    "UpdateCampaign": {"displayName": "x"},
    "ScheduleCampaign": {"scheduleTime": "2099-01-01T00:00:00Z"},
    "UnsubscribeDelivery": {"token": "x"},
    "ReconcileLedger": SPAN,
    "RepublishEvents": {
        "startTime": rfc3339(now() - timedelta(days=2)),
        "endTime": rfc3339(now() - timedelta(days=1)),
    },
}
# What is done to the target first.
BEFORE = {"ReopenDeal": "win", "ReopenCase": "close"}
QUERIES: dict[str, dict[str, Any]] = {
    "SearchContacts": {"query": "zzz"},
    "SearchService": {"query": "zzz"},
    "ListLedgerEntries": SPAN,
}
VIEWS = (
    ("GetCustomerSections", "/v1/{customer=contacts/*}:customerView"),
    ("GetCustomerSections", "/v1/{customer=organizations/*}:customerView"),
    ("SearchService", "/v1/search"),
)
# Routes without an RPC: all there is to see, or nothing.
PAGES = {"/ops": ("ops", "READ"), "/ops/data": ("ops", "READ")}
CSV = {"file": b"first\nAnn\n", "config": json.dumps({"columns": {"first": "givenName"}}).encode()}


@dataclass(frozen=True)
class Route:
    """One way to reach an RPC, or a view that needs the same right."""

    rpc: Declared
    verb: str
    template: str

    @property
    def name(self) -> str:
        return self.rpc.method.name

    @property
    def target(self) -> str:
        """The collection of what it is called for; empty when that is no one resource."""
        found = re.search(r"\{[a-z_.]+=([^}]+)\}", self.template)
        return found[1].rsplit("/", 2)[-2] if found else ""

    @property
    def changes(self) -> bool:
        options = self.rpc.method.GetOptions().Extensions
        return bool(options[options_pb2.idempotency] != options_pb2.SAFE)

    @property
    def is_view(self) -> bool:
        """Whether several services have to answer in time."""
        return self.template in {template for _, template in VIEWS}

    def path(self, name: str) -> str:
        """The path to call for the resource of that name."""
        service = "analytics" if self.rpc.collection == "deadLetters" else "contacts"
        return re.sub(r"\{[a-z_.]+=[^}]+\}", name, self.template).replace("{service}", service)


def routes() -> Iterator[Route]:
    """Each RPC with each of its verbs and paths, and the views."""
    views = {name: [template for rpc, template in VIEWS if rpc == name] for name, _ in VIEWS}
    for rpc in declared_rpcs():
        option = rpc.method.GetOptions().Extensions[annotations_pb2.http]
        for rule in (option, *option.additional_bindings):
            verb = rule.WhichOneof("pattern")
            yield Route(rpc, verb.upper(), getattr(rule, verb))
        for template in views.get(rpc.method.name, ()):
            yield Route(rpc, "GET", template)


class World:
    """The people, and what there is to call for; what a call may change is made for it alone."""

    def __init__(self, people) -> None:
        self.people = people
        self._owner = people["owner"].client
        self._admin = people["administrator"].client
        self._manager = people["manager"].client
        self._spare = iter(people.spare)
        self._kept: dict[str, str] = {}
        self._makers: dict[str, Callable[[], str]] = {
            "contacts": lambda: self._made(self._owner, "contacts", givenName="Ann"),
            "organizations": lambda: self._made(self._owner, "organizations", displayName="Acme"),
            "interactions": self._interaction,
            "consents": self._consent,
            "pipelines": lambda: self._made(self._admin, "pipelines", **PIPELINE),
            "deals": lambda: self._made(self._owner, "deals", displayName="D"),
            "kpis": lambda: "kpis/new-contacts",
            "cases": lambda: self._made(self._owner, "cases", subject="It does not print"),
            "messages": self._message,
            "audiences": lambda: mailings.an_audience(self._owner),
            "members": lambda: mailings.a_member(self._owner, self._shared("audiences")),
            "campaigns": lambda: mailings.a_campaign(self._owner, self._shared("audiences")),
            "deliveries": lambda: mailings.a_delivery(self._owner),
            "operations": self._operation,
            "users": lambda: self._made(self._admin, "users", displayName="U", email=_mail()),
            "apiKeys": lambda: self._made(
                self._owner, "apiKeys", displayName="K", user=people["owner"].user
            ),
            "roles": lambda: self._made(self._admin, "roles", displayName="R"),
            "teams": lambda: next(self._spare),
            **{collection: lambda name=name: name for collection, name in NOBODYS.items()},
        }

    def target(self, route: Route, *, own: bool) -> str:
        """The name of what to call for; made for this call where it is its `own`."""
        if not route.target:
            return ""
        if not own:
            return self._shared(route.target)
        name = self._makers[route.target]()
        if route.name.startswith("Undelete"):
            assert self._admin.delete(name, '"1"').status == 200
        if route.name in BEFORE:
            self._admin.post(f"/v1/{name}:{BEFORE[route.name]}").ok()
        if route.name == "PauseCampaign":
            self._admin.post(f"/v1/{name}:schedule", BODIES["ScheduleCampaign"]).ok()
        return name

    def own(self, who: str, collection: str, **body: Any) -> str:
        """The name of one that `who` made, so that it can be referred to; where it may make any."""
        answer = self.people[who].client.post(f"/v1/{collection}", body)
        return answer.body["name"] if answer.status == 200 else self._shared(collection)

    def _made(self, client: Client, collection: str, **body: Any) -> str:
        return client.post(f"/v1/{collection}", body).ok()["name"]

    def _shared(self, collection: str) -> str:
        if collection not in self._kept:
            self._kept[collection] = self._makers[collection]()
        return self._kept[collection]

    def _interaction(self) -> str:
        body = {"channel": "PHONE", "direction": "INBOUND"}
        return self._made(self._owner, f"{self._shared('contacts')}/interactions", **body)

    def _consent(self) -> str:
        body = {"purpose": "news", "channel": "EMAIL", "state": "GRANTED"}
        return self._made(self._owner, f"{self._shared('contacts')}/consents", **body)

    def _message(self) -> str:
        body = {"kind": "NOTE", "body": "Seen."}
        return self._made(self._owner, f"{self._shared('cases')}/messages", **body)

    def _operation(self) -> str:
        return self._manager.upload("/v1/contacts:import", CSV).ok()["name"]


def _mail() -> str:
    return f"{uuid.uuid4().hex}@example.com"


@pytest.fixture(scope="module")
def world(people) -> World:
    revoked = people["revoked"].client
    key = uuid.UUID(revoked.key.split("_")[2])
    people["administrator"].client.post(f"/v1/apiKeys/{key}:revoke").ok()
    wait_until(lambda: revoked.get("/v1/contacts").status == 401)
    return World(people)


@pytest.mark.parametrize("route", [pytest.param(r, id=f"{r.verb} {r.template}") for r in routes()])
@pytest.mark.parametrize("who", WHO)
def test_each_is_let_in_or_kept_out_as_the_protos_and_roles_say(world, who, route):
    expected = expect(world, who, route)
    target = world.target(route, own=route.changes and expected == 200)

    answer = call(world, who, route, target)

    assert answer.status == expected, f"{who} got {answer.status}: {answer.content[:300]!r}"


def call(world: World, who: str, route: Route, target: str) -> Answer:
    client, path = world.people[who].client, route.path(target)
    if route.rpc.method.client_streaming:
        return client.upload(path, CSV)
    body = _body(world, who, route) if route.verb in ("POST", "PATCH") else None
    headers = {"If-Match": '"1"'} if route.verb in ("PATCH", "DELETE") else {}

    def ask() -> Answer:
        return client.ask(route.verb, path, body, QUERIES.get(route.name), headers)

    return whole(ask) if route.is_view else ask()


def _body(world: World, who: str, route: Route) -> dict[str, Any]:
    is_known = route.name in BODIES or not route.name.startswith(("Create", "Update"))
    assert is_known, f"nothing says how to call {route.name}: add a body"
    body = dict(BODIES.get(route.name, {}))
    if route.name == "CreateUser":
        body["email"] = _mail()
    if route.name == "CreateCampaign":
        body["audience"] = world.own(who, "audiences", displayName="A")
    if route.name in ("AddContacts", "RemoveContacts"):
        body["contacts"] = [world.own(who, "contacts", givenName="A")]
    if route.name == "CreateApiKey":
        body["user"] = world.people[who].user or world.people["owner"].user
    return body


def expect(world: World, who: str, route: Route) -> int:
    """The status that follows from what is declared, granted and owned."""
    if who in ("anonymous", "revoked"):
        return 401
    may = world.people[who].level(route.rpc.collection, route.rpc.action)
    if not may or (may < ALL and not ALL_OR_NONE.isdisjoint((route.rpc.collection, route.name))):
        return 403
    if not route.target:
        return 404 if route.name in FINDS_NOTHING else 200
    if route.target in NOBODYS or not _sees(world, who, route.target):
        return 404
    if route.rpc.action in ("READ", "CREATE"):
        return 200
    return 200 if may >= REACHES[route.target][who] else 403


def _sees(world: World, who: str, collection: str) -> bool:
    deciding = SEEN_WITH.get(collection, collection)
    level = world.people[who].level(deciding, "READ")
    return level >= (OWN if deciding in SEEN_BY_ALL else REACHES[deciding][who])


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("who", WHO)
def test_a_page_is_shown_to_whoever_may_see_all_of_it(world, who, path):
    is_known = who not in ("anonymous", "revoked")
    expected = (200 if world.people[who].level(*PAGES[path]) == ALL else 403) if is_known else 401

    assert world.people[who].client.get(path).status == expected


def test_what_is_taken_away_counts_within_three_seconds(suite, person):
    admin = suite.client()
    team = admin.post("/v1/teams", {"displayName": "Left"}).ok()["name"]
    owner = person("roles/member", [team])
    contact = owner.client.post("/v1/contacts", {"givenName": "Ann"}).ok()["name"]
    suspended, demoted, moved = (person("roles/member", [team]) for _ in range(3))
    for one in (suspended, demoted, moved):
        assert one.client.get(f"/v1/{contact}").status == 200

    for one, change in (
        (suspended, {"state": "SUSPENDED"}),
        (demoted, {"roles": []}),
        (moved, {"teams": []}),
    ):
        admin.patch(one.user, change, '"1"').ok()

    def statuses() -> list[int]:
        return [one.client.get(f"/v1/{contact}").status for one in (suspended, demoted, moved)]

    wait_until(lambda: statuses() == [401, 403, 404], timeout=3)


def test_the_matrix_has_every_route_that_needs_a_right(suite):
    paths = suite.client().get("/v1/openapi.json").ok()["paths"]
    served = {
        (verb.upper(), _shape(path))
        for path, verbs in paths.items()
        for verb, operation in verbs.items()
        if operation.get("security") != []
    }

    known = {(route.verb, _shape(route.template)) for route in routes()}
    assert known | {("GET", path) for path in PAGES} == served


def _shape(path: str) -> str:
    """The path with a star for whatever varies."""
    return re.sub(r"\{[^}]+\}", "*", re.sub(r"\{[a-z_.]+=([^}]+)\}", r"\1", path))


def test_every_rpc_declares_what_it_needs():
    for rpc in declared_rpcs():
        options = rpc.method.GetOptions().Extensions
        assert options[options_pb2.permission], rpc.method.full_name
        assert options[options_pb2.idempotency], rpc.method.full_name
        assert rpc.collection, rpc.method.full_name
        assert rpc.path, rpc.method.full_name
