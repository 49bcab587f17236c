"""The load in order: what is there already is left alone, what is missing is made."""

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from crm_demo.api import Api, Json, Refused
from crm_demo.campaign import load_campaign
from crm_demo.cases import planned_cases
from crm_demo.consents import planned_consents
from crm_demo.crew import TEAMS, USERS, Crew, load_crew
from crm_demo.deals import planned_deals
from crm_demo.interactions import planned_interactions
from crm_demo.organizations import SYSTEM, at_once, load_organizations, planned_organizations
from crm_demo.people import IMPORT, Row, file_to_import
from crm_demo.people import SYSTEM as PEOPLE_SYSTEM
from crm_demo.progress import step
from crm_demo.seed import key_of
from crm_demo.stories import Person, tell
from crm_demo.words import COMPANY, DOMAIN

# The demo company itself is made last: where it is, there is all of it.
MARKER = "wattle-and-pine"
# The fields that tell two of a person's consents or interactions apart.
TOLD_APART_BY = {
    "consents": ("purpose", "channel", "state", "captureTime"),
    "interactions": ("subject", "occurTime"),
}


def is_loaded(api: Api) -> bool:
    """Whether all of the demo company is there."""
    query = f'externalIds.{SYSTEM} = "{MARKER}"'
    return bool(api.get("/v1/organizations", filter=query, pageSize=1)["organizations"])


def load(api: Api, people: Sequence[Row]) -> None:
    """Load what is missing of the demo company that deals with these people.

    Raises:
        Refused: the API said no, or could not be reached.
    """
    with step("Teams and users", len(TEAMS) + len(USERS)) as progress:
        crew = load_crew(api, progress)
    plans = planned_organizations()
    with step("Organizations", len(plans)) as progress:
        organizations = load_organizations(api, crew, plans, progress)
    _import(api, file_to_import(people, plans, organizations, crew), len(people))
    contacts = _contacts(api)
    ids = [row["rec_id"] for row in people if row["rec_id"] in contacts]
    anchor = datetime.fromisoformat(crew.since)
    consents = planned_consents(ids, anchor)
    _add(api, "consents", consents, contacts, crew)
    _add(api, "interactions", planned_interactions(ids, anchor), contacts, crew)
    everybody = [Person.of(contacts[id_]) for id_ in ids]
    tell(api, crew, "deals", "displayName", planned_deals(everybody, anchor))
    tell(api, crew, "cases", "subject", planned_cases(everybody))
    willing = [Person.of(contacts[id_]) for id_ in _readers(consents)]
    load_campaign(api, crew, willing, everybody)
    _mark(api, crew)


def _import(api: Api, file: bytes, rows: int) -> None:
    key = key_of("people", sha256(file).hexdigest()[:16])
    with step("People", rows) as progress:
        operation = api.upload("/v1/contacts:import", file, IMPORT, key)
        while not operation.get("done"):
            progress.show(int(operation.get("metadata", {}).get("processed", 0)))
            time.sleep(0.25)
            operation = api.get(f"/v1/{operation['name']}")
        if "error" in operation:
            raise Refused(f"The import of people failed: {operation['error']}")
        progress.show(rows)
    came_to = operation["response"]
    if came_to["failed"]:
        print(f"  {came_to['failed']:.0f} people could not be taken: {came_to['errorsUri']}")


def _contacts(api: Api) -> dict[str, Json]:
    """The contacts by the id that the file has for them."""
    return {
        found["externalIds"][PEOPLE_SYSTEM]: found
        for found in api.all("/v1/contacts", "contacts")
        if PEOPLE_SYSTEM in found.get("externalIds", {})
    }


def _add(
    api: Api,
    collection: str,
    planned: Sequence[tuple[str, Json]],
    contacts: dict[str, Json],
    crew: Crew,
) -> None:
    """Make what people lack of a collection; one person's in order, several people at once."""
    by_person: defaultdict[str, list[tuple[int, Json]]] = defaultdict(list)
    for number, (person, body) in enumerate(planned):
        by_person[person].append((number, body))

    def add(person: str) -> None:
        path = f"/v1/{contacts[person]['name']}/{collection}"
        there = (
            set()
            if crew.is_new
            else {_told_apart(collection, one) for one in api.all(path, collection)}
        )
        for number, body in by_person[person]:
            if _told_apart(collection, body) not in there:
                api.post(path, body, key_of(collection, number))
            progress.advance()

    with step(collection.capitalize(), len(planned)) as progress:
        at_once(add, by_person)


def _told_apart(collection: str, one: Json) -> tuple[str, ...]:
    return tuple(one.get(field, "") for field in TOLD_APART_BY[collection])


def _readers(consents: Sequence[tuple[str, Json]]) -> list[str]:
    """Who wants the newsletter, by what they said last."""
    said = {person: one["state"] for person, one in consents if one["purpose"] == "newsletter"}
    return [person for person, state in said.items() if state == "GRANTED"]


def _mark(api: Api, crew: Crew) -> None:
    body = {
        "displayName": COMPANY,
        "domains": [DOMAIN],
        "industry": "Office furniture",
        "externalIds": {SYSTEM: MARKER},
        "teams": [crew.teams[COMPANY]],
    }
    api.post("/v1/organizations", body, key_of("organization", MARKER))
