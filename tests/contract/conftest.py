"""People to ask as: each of the roles that are there from the start, in one team or another."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest
from contract.stored import Stored

from crm_chassis.testing.suite import Client

LEVELS = {"OWN": 1, "TEAM": 2, "ALL": 3}
# Roles by who has them; the first ones work in the owner's team.
ROLES = {
    "owner": "roles/member",
    "mate": "roles/member",
    "manager": "roles/manager",
    "stranger": "roles/member",
    "viewer": "roles/viewer",
    "administrator": "roles/administrator",
    "revoked": "roles/administrator",
}
IN_TEAM = ("owner", "mate", "manager")
# Teams below the owner's, for whoever wants one that nobody has changed.
SPARE_TEAMS = 12


@dataclass(frozen=True)
class Person:
    """Somebody with a key."""

    user: str
    client: Client
    grants: Mapping[tuple[str, str], str]

    def level(self, collection: str, action: str) -> int:
        """How far the right reaches: to none, to what is one's own, to the team's, to all."""
        found = (self.grants.get((name, action)) for name in (collection, "*"))
        return max((LEVELS[level] for level in found if level), default=0)


@dataclass(frozen=True)
class People:
    """Everybody by name; `team` is the owner's, and the `spare` ones are below it."""

    team: str
    spare: list[str]
    persons: Mapping[str, Person]

    def __getitem__(self, who: str) -> Person:
        return self.persons[who]


MakePerson = Callable[..., Person]


@pytest.fixture(scope="session")
def stored(suite) -> Stored:
    """What is stored, to be looked at before and after a test."""
    return Stored(suite)


@pytest.fixture(scope="session")
def person(suite) -> MakePerson:
    """Makes somebody with a role and teams, and a key."""
    admin = suite.client()

    def make(role: str, teams: Sequence[str] = ()) -> Person:
        mail = f"{uuid.uuid4().hex}@example.com"
        told = {"displayName": role, "email": mail, "teams": list(teams), "roles": [role]}
        user = admin.post("/v1/users", told).ok()["name"]
        key = admin.post("/v1/apiKeys", {"user": user, "displayName": role}).ok()["secret"]
        grants = admin.get(f"/v1/{role}").ok()["grants"]
        levels = {(grant["resourceType"], grant["action"]): grant["level"] for grant in grants}
        return Person(user, suite.client(key), levels)

    return make


@pytest.fixture(scope="session")
def people(suite, person: MakePerson) -> People:
    """Everybody whom rights are tried with."""
    admin = suite.client()
    team = admin.post("/v1/teams", {"displayName": "Matrix"}).ok()["name"]
    other = admin.post("/v1/teams", {"displayName": "Elsewhere"}).ok()["name"]
    spare = [
        admin.post("/v1/teams", {"displayName": "Spare", "parent": team}).ok()["name"]
        for _ in range(SPARE_TEAMS)
    ]
    persons = {
        who: person(role, [team if who in IN_TEAM else other]) for who, role in ROLES.items()
    }
    anonymous = Person("", suite.client(None), {})
    return People(team, spare, {**persons, "anonymous": anonymous})
