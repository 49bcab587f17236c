"""Nobody sees a row they may not see, whichever way they look.

Some people own a contact and an organization each, and everybody looks at all of them in every way
there is: what they see is what their role and teams say, and nothing else.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from contract.whole import view_of, whole

from crm_chassis.testing.suite import Answer, Client
from crm_chassis.testing.waiting import wait_until

OWNERS = ("worker", "colleague", "boss", "foreigner", "loner")
TEAM = frozenset({"worker", "colleague", "loner"})
# Whose rows one sees, by the role and the teams that `company` gives.
SEES = {
    "worker": TEAM,
    "colleague": TEAM,
    "boss": TEAM | {"boss"},
    "foreigner": frozenset({"foreigner"}),
    "loner": frozenset({"loner"}),
    "auditor": frozenset(OWNERS),
    "administrator": frozenset(OWNERS),
    "caller": frozenset(OWNERS),
}
CUSTOMERS = ("contacts", "organizations")
# What each kind of resource with an owner of its own is called by.
TITLES = {
    "contacts": "givenName",
    "organizations": "displayName",
    "deals": "displayName",
    "cases": "subject",
    "audiences": "displayName",
}
# May read all contacts, but nothing else, not even what stands below them.
ONLY_CONTACTS = "caller"


@dataclass(frozen=True)
class Row:
    """A resource, what stands below it, and a moment at which all of it was there."""

    owner: str
    kind: str
    name: str
    word: str
    children: tuple[str, ...]
    then: str


@dataclass(frozen=True)
class Company:
    """Who asks, and what there is to see."""

    clients: Mapping[str, Client]
    users: Mapping[str, str]
    rows: tuple[Row, ...]


@pytest.fixture(scope="module")
def company(suite, person) -> Company:
    admin = suite.client()
    top = admin.post("/v1/teams", {"displayName": "Top"}).ok()["name"]
    below = admin.post("/v1/teams", {"displayName": "Below", "parent": top}).ok()["name"]
    away = admin.post("/v1/teams", {"displayName": "Away"}).ok()["name"]
    own = _role(admin, (*TITLES, "interactions", "consents"), READ="OWN", CREATE="ALL")
    people = {
        "worker": person("roles/member", [below]),
        "colleague": person("roles/member", [below]),
        "boss": person("roles/member", [top]),
        "foreigner": person("roles/member", [away]),
        "loner": person(own, [below]),
        "auditor": person("roles/viewer", [away]),
        "administrator": person("roles/administrator", [away]),
        ONLY_CONTACTS: person(_role(admin, ("contacts",), READ="ALL"), [away]),
    }
    clients = {who: one.client for who, one in people.items()}
    users = {who: one.user for who, one in people.items()}
    rows = tuple(_row(clients[who], who, kind) for who, kind in product(OWNERS, TITLES))
    for row in rows:
        if row.kind in CUSTOMERS:
            _wait_for_entries(admin, row.name, 1 + len(row.children))
    return Company(clients, users, rows)


def _role(admin: Client, collections: tuple[str, ...], **levels: str) -> str:
    grants = [
        {"resourceType": collection, "action": action, "level": level}
        for collection in collections
        for action, level in levels.items()
    ]
    return admin.post("/v1/roles", {"displayName": "Visible", "grants": grants}).ok()["name"]


def _row(client: Client, who: str, kind: str) -> Row:
    word = f"visible{who}"
    made = client.post(f"/v1/{kind}", {TITLES[kind]: word}).ok()
    name, then, children = made["name"], made["updateTime"], ()
    if kind == "contacts":
        met = {"channel": "PHONE", "direction": "INBOUND", "subject": word}
        said = {"purpose": "news", "channel": "EMAIL", "state": "GRANTED"}
        interaction = client.post(f"/v1/{name}/interactions", met).ok()
        consent = client.post(f"/v1/{name}/consents", said).ok()
        children, then = (interaction["name"], consent["name"]), consent["updateTime"]
    return Row(who, kind, name, word, children, then)


def _wait_for_entries(admin: Client, name: str, count: int) -> None:
    _wait_for(lambda: len(_entries(admin, name)) >= count, name)


def _wait_for(arrived: Callable[[], bool], name: str) -> None:
    wait_until(arrived, what=f"the events of {name}")


def _entries(admin: Client, name: str) -> list[Any]:
    answer = admin.get(f"/v1/{name}:timeline")
    return list(answer.body["entries"]) if answer.status == 200 else []


def seen(answer: Answer) -> Any:
    """What was answered; None where there is nothing for the caller."""
    assert answer.status in (200, 403, 404), answer.content
    return answer.body if answer.status == 200 else None


def names_in(answer: Answer, collection: str) -> set[str]:
    found = seen(answer)
    return {one["name"] for one in found[collection]} if found is not None else set()


# Ways to look: each tells whether the row is seen.


def by_get(client: Client, row: Row) -> bool:
    return seen(client.get(f"/v1/{row.name}")) is not None


def by_get_then(client: Client, row: Row) -> bool:
    return seen(client.get(f"/v1/{row.name}", readTime=row.then)) is not None


def by_get_deleted(client: Client, row: Row) -> bool:
    return seen(client.get(f"/v1/{row.name}", showDeleted="true")) is not None


def names_listed(client: Client, kind: str, **query: Any) -> set[str]:
    """All that is listed: other tests may have made more than there is on a page."""
    found, token = set(), None
    while token != "":
        told = {**query, **({"pageToken": token} if token else {})}
        answer = client.get(f"/v1/{kind}", **told)
        found |= names_in(answer, kind)
        token = answer.body["nextPageToken"] if answer.status == 200 else ""
    return found


def by_list(client: Client, row: Row) -> bool:
    return row.name in names_listed(client, row.kind, pageSize=1000)


def by_list_with_filter(client: Client, row: Row) -> bool:
    wanted = f'name = "{row.name}"'
    return row.name in names_in(client.get(f"/v1/{row.kind}", filter=wanted), row.kind)


def by_list_with_deleted(client: Client, row: Row) -> bool:
    return row.name in names_listed(client, row.kind, showDeleted="true", pageSize=1000)


def by_list_in_pages(client: Client, row: Row) -> bool:
    wanted = f'{TITLES[row.kind]} = "{row.word}"'
    return row.name in names_listed(client, row.kind, filter=wanted, pageSize=3)


def by_list_then(client: Client, row: Row) -> bool:
    return row.name in names_listed(client, row.kind, readTime=row.then, pageSize=1000)


def search(client: Client, word: str, **query: Any) -> Answer:
    return whole(lambda: client.get("/v1/search", query=word, **query))


def view(client: Client, row: Row, **query: Any) -> Answer:
    return whole(lambda: client.get(f"/v1/{row.name}:customerView", **query))


def by_search(client: Client, row: Row) -> bool:
    return row.name in names_in(search(client, row.word), "results")


def by_search_of_contacts(client: Client, row: Row) -> bool:
    return row.name in names_in(client.get("/v1/contacts:search", query=row.word), "contacts")


def by_history(client: Client, row: Row) -> bool:
    return seen(client.get(f"/v1/{row.name}:history")) is not None


def by_timeline(client: Client, row: Row) -> bool:
    return seen(client.get(f"/v1/{row.name}:timeline")) is not None


def by_timeline_then(client: Client, row: Row) -> bool:
    return seen(client.get(f"/v1/{row.name}:timeline", readTime=row.then)) is not None


def by_view(client: Client, row: Row) -> bool:
    return seen(view(client, row)) is not None


def by_view_then(client: Client, row: Row) -> bool:
    return seen(view(client, row, readTime=row.then)) is not None


def by_sections(client: Client, row: Row) -> bool:
    found = [
        seen(client.get(f"/v1/services/{service}/{row.name}:sections")) is not None
        for service in ("contacts", "analytics")
    ]
    assert len(set(found)) == 1, "the services agree on who is seen"
    return found[0]


def by_search_with_deleted(client: Client, row: Row) -> bool:
    return row.name in names_in(search(client, row.word, showDeleted="true"), "results")


def by_timeline_deleted(client: Client, row: Row) -> bool:
    return seen(client.get(f"/v1/{row.name}:timeline", showDeleted="true")) is not None


def by_view_deleted(client: Client, row: Row) -> bool:
    return seen(view(client, row, showDeleted="true")) is not None


def by_children_with_deleted(client: Client, row: Row) -> bool:
    found = [
        answer
        for child in row.children
        for kind in [child.split("/")[2]]
        for answer in (
            child in names_in(client.get(f"/v1/{row.name}/{kind}", showDeleted="true"), kind),
            seen(client.get(f"/v1/{child}", showDeleted="true")) is not None,
        )
    ]
    assert len(set(found)) == 1, "all children are seen with their parent"
    return found[0]


WITH_DELETED = (
    by_search_with_deleted,
    by_timeline_deleted,
    by_view_deleted,
    by_children_with_deleted,
)


def by_reference(client: Client, row: Row) -> bool:
    """What one may not see cannot be referred to either: it would be told by the answer."""
    body = {"displayName": "Below", "parent": row.name}
    answer = client.post("/v1/organizations", body)
    assert answer.status in (200, 400, 403), answer.content
    return answer.status == 200


def by_children(client: Client, row: Row) -> bool:
    found = [
        child in names_in(client.get(f"/v1/{row.name}/{kind}", **query), kind)
        for child in row.children
        for kind in [child.split("/")[2]]
        for query in ({}, {"showDeleted": "true"}, {"readTime": row.then})
    ]
    assert len(set(found)) == 1, "all children are seen with their parent"
    return found[0]


def by_child(client: Client, row: Row) -> bool:
    found = [
        seen(client.get(f"/v1/{child}{way}", **query)) is not None
        for child in row.children
        for way, query in (("", {}), (":history", {}), ("", {"readTime": row.then}))
    ]
    assert len(set(found)) == 1, "all children are seen with their parent"
    return found[0]


Way = Callable[[Client, Row], bool]
OF_ALL: tuple[Way, ...] = (
    by_get,
    by_get_then,
    by_get_deleted,
    by_list,
    by_list_with_filter,
    by_list_with_deleted,
    by_list_in_pages,
    by_list_then,
    by_search,
    by_history,
)
OF_CUSTOMERS: tuple[Way, ...] = (
    by_timeline,
    by_timeline_then,
    by_view,
    by_view_then,
    by_sections,
)
OF_CONTACTS = (by_search_of_contacts,)
OF_CHILDREN = (by_children, by_child)
# Which kinds of resources one can look at in these ways.
KINDS: Mapping[Way, Collection[str]] = {
    **dict.fromkeys(OF_ALL, TITLES),
    **dict.fromkeys(OF_CUSTOMERS, CUSTOMERS),
    **dict.fromkeys((*OF_CONTACTS, *OF_CHILDREN), ("contacts",)),
}


@pytest.mark.parametrize("way", KINDS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("who", SEES)
def test_nobody_sees_a_row_they_may_not_see(company, who, way):
    rows = [row for row in company.rows if row.kind in KINDS[way]]

    found = {row.name for row in rows if way(company.clients[who], row)}

    assert found == {row.name for row in rows if _may_see(who, row, way)}


def _may_see(who: str, row: Row, way: Way) -> bool:
    if who == ONLY_CONTACTS and (row.kind != "contacts" or way in OF_CHILDREN):
        return False
    return row.owner in SEES[who]


@pytest.mark.parametrize("who", ["worker", "loner", "foreigner"])
def test_what_may_not_be_seen_cannot_be_referred_to(company, who):
    organizations = [row for row in company.rows if row.kind == "organizations"]

    found = {row.owner for row in organizations if by_reference(company.clients[who], row)}

    assert found == SEES[who]


def test_who_may_read_contacts_only_is_told_that_the_rest_is_left_out(company):
    row = next(row for row in company.rows if row.kind == "contacts")

    view = view_of(company.clients[ONLY_CONTACTS], row.name)["sections"]
    timeline = company.clients[ONLY_CONTACTS].get(f"/v1/{row.name}:timeline").ok()["entries"]

    assert view["profile"]["status"] == "ok"
    for section in ("interactions", "consents"):
        assert view[section] == {"status": "omitted", "reason": "DENIED"}
    assert view["relationships"]["data"] == {"organizations": [], "contacts": []}
    assert view["insights"]["data"]["interactionCount"] == 0
    assert {entry["subject"] for entry in timeline} == {row.name}
    assert view["timeline"]["data"]["entries"] == timeline


@pytest.fixture(scope="module")
def shared(company) -> Row:
    """An organization that two see who do not see each other's people in it."""
    admin = company.clients["administrator"]
    teams = [
        team
        for who in ("worker", "foreigner")
        for team in admin.get(f"/v1/{company.users[who]}").ok()["teams"]
    ]
    body = {"displayName": "Shared", "teams": teams}
    name, then = admin.post("/v1/organizations", body).ok()["name"], ""
    for who in ("worker", "foreigner"):
        client = company.clients[who]
        body = {"givenName": who, "positions": [{"organization": name}]}
        contact = client.post("/v1/contacts", body).ok()["name"]
        met = {"channel": "PHONE", "direction": "INBOUND", "subject": who}
        then = client.post(f"/v1/{contact}/interactions", met).ok()["updateTime"]
        _wait_for_entries(client, contact, 2)
    # Order is kept per resource only: its own event may be the last to arrive.
    _wait_for(lambda: any(entry["subject"] == name for entry in _entries(admin, name)), name)
    return Row("administrator", "organizations", name, "", (), then)


@pytest.mark.parametrize("moment", ["now", "then"])
@pytest.mark.parametrize("who", ["worker", "foreigner"])
def test_of_an_organization_one_sees_and_counts_ones_own_people_only(company, shared, who, moment):
    client = company.clients[who]
    query = {"readTime": shared.then} if moment == "then" else {}

    view = view_of(client, shared.name, **query)["sections"]
    entries = client.get(f"/v1/{shared.name}:timeline", **query).ok()["entries"]

    people = view["relationships"]["data"]["contacts"]
    meetings = view["interactions"]["data"]
    assert [one["displayName"] for one in people] == [who]
    assert [one["subject"] for one in meetings["interactions"]] == [who]
    assert meetings["totalSize"] == 1
    assert view["insights"]["data"]["interactionCount"] == 1
    assert {entry["subject"] for entry in entries} == {shared.name, people[0]["name"]}


def test_a_change_of_owner_moves_the_past_as_well(company, word):
    worker, foreigner = company.clients["worker"], company.clients["foreigner"]
    admin = company.clients["administrator"]
    row = _row(worker, "worker", "contacts")
    _wait_for_entries(admin, row.name, 3)
    away = admin.get(f"/v1/{company.users['foreigner']}").ok()["teams"]

    changes = {"owner": company.users["foreigner"], "teams": away}
    admin.patch(row.name, changes, '"1"').ok()
    _wait_for_entries(admin, row.name, 4)

    for way in KINDS:
        assert not way(worker, row), way.__name__
        assert way(foreigner, row), way.__name__


def test_what_was_deleted_is_seen_in_no_list_search_or_view(company):
    client = company.clients["worker"]
    row = _row(client, "worker", "contacts")
    _wait_for_entries(client, row.name, 3)

    client.delete(row.name, '"1"').ok()
    wait_until(lambda: not by_timeline(client, row))

    ways = (by_get, by_list, by_list_with_filter, by_list_in_pages, by_search)
    ways += (by_search_of_contacts, by_timeline, by_view)
    assert [way.__name__ for way in ways if way(client, row)] == []
    for child in row.children:
        assert client.get(f"/v1/{child}").status == 404
        assert client.get(f"/v1/{row.name}/{child.split('/')[2]}").status == 404
    foreigner = company.clients["foreigner"]
    for way in (by_get_deleted, by_list_with_deleted, *WITH_DELETED):
        assert way(client, row), way.__name__
        assert not way(foreigner, row), way.__name__
    assert by_get_then(client, row)
    assert by_view_then(client, row)
    told = view_of(client, row.name, showDeleted="true")
    assert told["complete"], told
    assert len(told["sections"]["interactions"]["data"]["interactions"]) == 1
