"""Things that are made and then go their way: deals, cases, a campaign."""

from collections.abc import Sequence
from dataclasses import dataclass

from crm_demo.api import Api, Json, Refused
from crm_demo.crew import Crew
from crm_demo.organizations import at_once
from crm_demo.progress import step
from crm_demo.seed import key_of

NOT_ALLOWED = 422


@dataclass(frozen=True)
class Person:
    """A person as stories need them: resource names, and whose customer they are."""

    contact: str
    organization: str
    owner: str
    teams: tuple[str, ...]

    @classmethod
    def of(cls, contact: Json) -> "Person":
        """The person that the API tells of."""
        positions = contact.get("positions") or [{}]
        return cls(
            contact["name"],
            positions[0].get("organization", ""),
            contact.get("owner", ""),
            tuple(contact.get("teams", ())),
        )

    @property
    def whose(self) -> Json:
        """The fields that say who is responsible, where that is known."""
        told = {"owner": self.owner, "teams": list(self.teams)}
        return {field: value for field, value in told.items() if value}


@dataclass(frozen=True)
class Act:
    """What is done next: a verb (`:win`), or something made below (`/messages`)."""

    path: str
    body: Json


@dataclass(frozen=True)
class Story:
    """What is made, and what is done with it, in this order; its title is its own."""

    title: str
    body: Json
    acts: Sequence[Act] = ()


def tell(api: Api, crew: Crew, collection: str, title_field: str, stories: Sequence[Story]) -> None:
    """Make what is missing of the stories, several at once, and go on with what was begun."""
    path = f"/v1/{collection}"
    there = {} if crew.is_new else {one[title_field]: one for one in api.all(path, collection)}

    def make(numbered: tuple[int, Story]) -> None:
        number, story = numbered
        made = there.get(story.title)
        if made is None:
            body = {**story.body, title_field: story.title}
            made = api.post(path, body, key_of(collection, number))
        for position, act in enumerate(story.acts):
            _do(api, made["name"], act, key_of(collection, f"{number}-{position}"), crew)
        progress.advance()

    with step(collection.capitalize(), len(stories)) as progress:
        at_once(make, enumerate(stories))


def _do(api: Api, name: str, act: Act, key: str, crew: Crew) -> None:
    """Do it, unless a load before has: then the API does not allow it again."""
    path = f"/v1/{name}{act.path}"
    if act.path.startswith("/") and not crew.is_new and _is_there(api, path, act.body):
        return
    try:
        api.post(path, act.body, key)
    except Refused as refused:
        if crew.is_new or refused.status != NOT_ALLOWED:
            raise


def _is_there(api: Api, path: str, body: Json) -> bool:
    found = api.all(path, path.rpartition("/")[2])
    return any(body.items() <= one.items() for one in found)
