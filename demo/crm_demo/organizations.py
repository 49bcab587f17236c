"""The organizations that the demo company deals with, some of which belong to others."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from crm_demo.api import CONNECTIONS, Api, Json
from crm_demo.crew import Crew
from crm_demo.progress import Step
from crm_demo.seed import chance, key_of
from crm_demo.words import PLACES, STEMS, STREETS, TAGS, TRADES

INDEPENDENT, BRANCHES, DEPOTS = 340, 48, 12
SYSTEM = "demo"

Item = TypeVar("Item")


@dataclass(frozen=True)
class Plan:
    """An organization before it is made; `id` is the one it has in the demo company's own books."""

    id: str
    name: str
    domain: str
    industry: str
    place: tuple[str, str, str]
    street: str
    tags: tuple[str, ...]
    seller: int
    parent: str = ""
    depth: int = 0


def planned_organizations() -> list[Plan]:
    """Companies, branches of some of them, and depots of some branches."""
    random = chance("organizations")
    names = random.sample([(stem, trade) for stem in STEMS for trade in TRADES], INDEPENDENT)
    plans = [_company(random, number, *name) for number, name in enumerate(names)]
    branches = [_below(random, one, "branch") for one in random.sample(plans, BRANCHES)]
    depots = [_below(random, one, "depot") for one in random.sample(branches, DEPOTS)]
    return [*plans, *branches, *depots]


def load_organizations(
    api: Api, crew: Crew, plans: Iterable[Plan], progress: Step
) -> dict[str, str]:
    """The names of the organizations by id; those that are missing are made, parents first."""
    names = {} if crew.is_new else _found(api)
    progress.advance(len(names))
    missing = [plan for plan in plans if plan.id not in names]

    def make(plan: Plan) -> None:
        body = body_of(plan, crew, names.get(plan.parent, ""))
        names[plan.id] = api.post("/v1/organizations", body, key_of("organization", plan.id))[
            "name"
        ]
        progress.advance()

    for depth in range(3):
        at_once(make, [plan for plan in missing if plan.depth == depth])
    return names


def body_of(plan: Plan, crew: Crew, parent: str) -> Json:
    """The organization as the API takes it."""
    town, state, postal_code = plan.place
    sellers = crew.sellers(state)
    owner, team = sellers[plan.seller % len(sellers)]
    body: Json = {
        "displayName": plan.name,
        "domains": [plan.domain],
        "industry": plan.industry,
        "addresses": [
            {
                "kind": "WORK",
                "primary": True,
                "regionCode": "AU",
                "postalCode": postal_code,
                "administrativeArea": state,
                "locality": town,
                "addressLines": [plan.street],
            }
        ],
        "externalIds": {SYSTEM: plan.id},
        "tags": list(plan.tags),
        "owner": owner,
        "teams": [team],
    }
    return {**body, "parent": parent} if parent else body


def at_once(work: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Do it for each, a few at a time; the first failure ends it."""
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for _ in threads.map(work, items):
            pass


def _found(api: Api) -> dict[str, str]:
    return {
        found["externalIds"][SYSTEM]: found["name"]
        for found in api.all("/v1/organizations", "organizations")
        if SYSTEM in found.get("externalIds", {})
    }


def _company(random: Random, number: int, stem: str, trade: tuple[str, str, str]) -> Plan:
    word, industry, form = trade
    return Plan(
        id=f"company-{number:03}",
        name=f"{stem} {word} {form}",
        domain=f"{stem}-{word}.example".lower(),
        industry=industry,
        **_whereabouts(random),
    )


def _below(random: Random, parent: Plan, kind: str) -> Plan:
    found = _whereabouts(random)
    town = found["place"][0]
    return Plan(
        id=f"{kind}-{parent.id}",
        name=f"{parent.name.rsplit(' – ', 1)[0]} – {town} {kind}",
        domain=f"{town.lower()}.{parent.domain}",
        industry=parent.industry,
        parent=parent.id,
        depth=parent.depth + 1,
        **found,
    )


def _whereabouts(random: Random) -> Json:
    return {
        "place": random.choice(PLACES),
        "street": f"{random.randint(1, 240)} {random.choice(STREETS)}",
        "tags": tuple(random.sample(TAGS, random.choice((0, 0, 1, 1, 2)))),
        "seller": random.randrange(12),
    }
