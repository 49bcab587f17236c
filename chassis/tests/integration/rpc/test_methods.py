"""The standard methods: reads, pages, the past and the history of a resource, over gRPC."""

from datetime import timedelta

import pytest
from crm.contacts.v1 import organizations_pb2

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Invalid, NotFound


def an_organization(organizations, name="Acme", **fields):
    wanted = organizations_pb2.Organization(display_name=name, **fields)
    return organizations.CreateOrganization(
        organizations_pb2.CreateOrganizationRequest(organization=wanted)
    )


def change(organizations, company, **fields):
    wanted = organizations_pb2.Organization(name=company.name, **fields)
    return organizations.UpdateOrganization(
        organizations_pb2.UpdateOrganizationRequest(organization=wanted)
    )


def list_names(organizations, **asked):
    answer = organizations.ListOrganizations(organizations_pb2.ListOrganizationsRequest(**asked))
    return [each.display_name for each in answer.organizations], answer.next_page_token


def get(organizations, company, **asked):
    request = organizations_pb2.GetOrganizationRequest(name=company.name, **asked)
    return organizations.GetOrganization(request)


def test_pages_repeat_and_miss_nothing(organizations):
    names = ["A", "B", "C", "D", "E"]
    for name in reversed(names):
        an_organization(organizations, name)

    first, token = list_names(organizations, page_size=2, order_by="displayName")
    an_organization(organizations, "AA")
    second, token = list_names(organizations, page_size=2, order_by="displayName", page_token=token)
    third, end = list_names(organizations, page_size=2, order_by="displayName", page_token=token)

    assert first + second + third == names
    assert end == ""


def test_a_page_has_a_thousand_at_the_most(organizations):
    with pytest.raises(Invalid) as refusal:
        list_names(organizations, page_size=1001)

    assert refusal.value.flaws[0].field == "page_size"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"filter": "nonsense ="}, "filter"),
        ({"order_by": "colour"}, "order_by"),
        ({"page_token": "made-up"}, "page_token"),
    ],
)
def test_a_question_that_cannot_be_answered_names_the_field(organizations, asked, field):
    with pytest.raises(Invalid) as refusal:
        list_names(organizations, **asked)

    assert refusal.value.flaws[0].field == field


def test_a_resource_is_given_as_it_was(organizations):
    before = an_organization(organizations, "Acme")
    after = change(organizations, before, industry="bakery")

    then = get(organizations, before, read_time=before.update_time)
    names, _ = list_names(organizations, read_time=before.update_time)

    assert get(organizations, before) == after
    assert then == before
    assert names == ["Acme"]


def test_the_future_cannot_be_read(organizations):
    company = an_organization(organizations)

    with pytest.raises(Invalid) as refusal:
        get(organizations, company, read_time=now() + timedelta(hours=1))

    assert refusal.value.flaws[0].field == "read_time"


def test_what_was_deleted_is_given_on_request_only(organizations):
    company = an_organization(organizations)
    organizations.DeleteOrganization(organizations_pb2.DeleteOrganizationRequest(name=company.name))

    with pytest.raises(NotFound):
        get(organizations, company)
    deleted = get(organizations, company, show_deleted=True)

    assert deleted.HasField("delete_time")
    assert list_names(organizations) == ([], "")
    assert list_names(organizations, show_deleted=True)[0] == ["Acme"]


def test_the_history_tells_each_change_newest_first(organizations):
    company = an_organization(organizations)
    change(organizations, company, industry="bakery")
    asked = organizations_pb2.ListOrganizationHistoryRequest(name=company.name)

    changes = organizations.ListOrganizationHistory(asked).changes

    assert [each.sequence for each in changes] == [2, 1]
    assert changes[0].fields[0].path == "industry"
    assert changes[0].fields[0].after.string_value == "bakery"
    assert changes[0].actor.startswith("users/")
