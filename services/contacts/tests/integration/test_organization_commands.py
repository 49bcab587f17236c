"""Changes to organizations, on a real database."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Exists, Forbidden, Invalid, NotFound, Stale
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.resources.pages import Question
from crm_chassis.resources.reading import get_resource, history_of, list_resources
from crm_chassis.resources.transaction import as_call, in_transaction
from crm_chassis.testing.calls import a_call, a_principal
from crm_contacts.organizations.commands import (
    create_organization,
    delete_organization,
    move_organization,
    undelete_organization,
    update_organization,
)
from crm_contacts.organizations.documents import Organization


def an_organization(**fields):
    values = {"display_name": "Acme", **fields}
    return in_transaction(create_organization, Organization(**values))


def the_events(name):
    return list(service_database()["events"].find({"subject": name}).sort("sequence", 1))


def test_what_is_stored_is_announced_with_the_whole_resource():
    acme = an_organization(domains=["ACME.example", "acme.example"])

    event = the_events(acme.name)[0]

    assert event["type"] == "crm.contacts.organization.created.v1"
    assert event["data"]["domains"] == ["acme.example"]
    assert event["data"]["etag"] == '"1"'
    assert event["customers"] == [acme.name]
    assert "displayName" in event["paths"]


def test_an_organization_never_becomes_its_own_ancestor():
    top = an_organization()
    below = an_organization(parent=top.name)

    with pytest.raises(Invalid) as refused:
        in_transaction(move_organization, top.name, below.name, top.etag)

    assert refused.value.flaws[0].field == "parent"
    assert len(the_events(top.name)) == 1


def test_two_moves_that_would_close_a_circle_do_not_both_happen():
    first, second = an_organization(), an_organization()

    def move(pair):
        try:
            as_call(a_call(), move_organization, pair[0].name, pair[1].name, "")
        except Invalid:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        moved = list(pool.map(move, [(first, second), (second, first)]))

    assert sorted(moved) == [False, True]


def test_concurrent_changes_lose_nothing():
    acme = an_organization()

    def tag(number):
        while True:
            current = get_in_call(acme.name)
            changes = Organization(id=acme.id, tags=[*current.tags, str(number)])
            try:
                return as_call(a_call(), update_organization, changes, ["tags"], current.etag)
            except Stale:
                continue

    def get_in_call(name):
        return as_call(a_call(), lambda tx: tx.load(Organization, name))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tag, range(20)))

    assert sorted(get_in_call(acme.name).tags, key=int) == [str(n) for n in range(20)]
    assert [event["sequence"] for event in the_events(acme.name)] == list(range(1, 22))


def test_an_external_id_stands_for_one_organization_only():
    an_organization(external_ids={"erp": "1"})

    with pytest.raises(Exists) as refused:
        an_organization(external_ids={"erp": "1"})

    assert refused.value.flaws[0].field == "external_ids.erp"


def test_a_deleted_organization_is_gone_until_it_is_brought_back():
    acme = an_organization()

    in_transaction(delete_organization, acme.name, acme.etag)
    with pytest.raises(NotFound):
        get_resource(Organization, acme.name)
    in_transaction(undelete_organization, acme.name, "")

    assert get_resource(Organization, acme.name).display_name == "Acme"
    assert [e["type"].split(".")[3] for e in the_events(acme.name)] == [
        "created",
        "deleted",
        "undeleted",
    ]


def test_the_past_is_read_from_the_log():
    acme = an_organization()
    then = acme.update_time
    changes = Organization(id=acme.id, display_name="Acme Ltd")
    in_transaction(update_organization, changes, ["display_name"], acme.etag)

    as_it_was = get_resource(Organization, acme.name, read_time=then)
    listed = list_resources(Organization, Question(read_time=then, filter='displayName="Acme"'))
    changes_made = history_of(Organization, acme.name, Question()).messages

    assert as_it_was.display_name == "Acme"
    assert [message.name for message in listed.messages] == [acme.name]
    assert [field.path for field in changes_made[0].fields] == ["displayName"]
    assert changes_made[0].fields[0].before.string_value == "Acme"


def test_pages_miss_and_repeat_nothing_while_rows_come_and_go():
    names = [an_organization(display_name=f"Org {number:02}").name for number in range(7)]

    first = list_resources(Organization, Question(order_by="displayName desc", page_size=3))
    in_transaction(delete_organization, first.messages[0].name, "")
    an_organization(display_name="Org 99")
    second = list_resources(
        Organization,
        Question(order_by="displayName desc", page_size=10, page_token=first.next_page_token),
    )

    seen = [message.name for page in (first, second) for message in page.messages]
    assert seen == names[::-1]
    assert second.next_page_token == ""


def test_a_stranger_sees_nothing_and_a_team_mate_may_not_change():
    team = "teams/0190b0c4-0000-7000-8000-000000000001"
    acme = an_organization(teams=[team])
    stranger = a_principal("TEAM")
    mate = a_principal(teams=[team], READ="TEAM", UPDATE="OWN")
    changes = Organization(id=acme.id, display_name="Mine")
    update = ("organizations", "UPDATE")

    with pytest.raises(NotFound):
        as_call(a_call(stranger), lambda tx: tx.load(Organization, acme.name))
    with pytest.raises(Forbidden):
        as_call(a_call(mate, *update), update_organization, changes, ["display_name"], acme.etag)

    assert get_resource(Organization, acme.name).display_name == "Acme"


def test_an_organization_was_not_there_before_it_was_made():
    before = now()
    acme = an_organization()

    with pytest.raises(NotFound):
        get_resource(Organization, acme.name, read_time=before.replace(year=2025))
