"""API keys, on a real database."""

import pytest

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Forbidden, Invalid, NotAllowed, NotFound
from crm_chassis.kernel.ids import id_of
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.resources.pages import Question
from crm_chassis.resources.reading import get_resource, list_resources
from crm_chassis.resources.transaction import as_call, in_transaction
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call
from crm_gateway.api_keys.commands import (
    create_api_key,
    note_uses,
    revoke_api_key,
    rotate_api_key,
    update_api_key,
)
from crm_gateway.api_keys.documents import ApiKey
from crm_gateway.api_keys.queries import find_key
from crm_gateway.api_keys.rules import is_secret, read_key
from crm_gateway.testing import a_role, a_user, an_api_key, principal_of

pytestmark = pytest.mark.usefixtures("administration")

KEYS = ("apiKeys READ ALL", "apiKeys CREATE ALL", "apiKeys UPDATE ALL", "users READ ALL")


def a_call_by(user, action="UPDATE"):
    return a_call(principal_of(user), "apiKeys", action)


def holds(text):
    shown = read_key(text)
    stored = find_key(shown.key_id)
    return is_secret(shown.secret, stored.digest)


def test_the_secret_is_in_one_answer_and_nowhere_else():
    made = an_api_key(a_user())

    secret = read_key(made.secret).secret
    everything = [
        row
        for name in service_database().list_collection_names()
        for row in service_database()[name].find()
    ]

    assert read_key(made.secret).key_id == id_of(made.name)
    assert not get_resource(ApiKey, made.name).HasField("secret")
    assert not list_resources(ApiKey, Question()).messages[0].HasField("secret")
    assert secret not in repr(everything)
    assert holds(made.secret)


def test_its_event_has_neither_secret_nor_digest():
    made = an_api_key(a_user())

    event = service_database()["events"].find_one({"subject": made.name})

    assert event["type"] == "crm.gateway.api_key.created.v1"
    assert set(event["data"]) == {
        "name",
        "etag",
        "createTime",
        "updateTime",
        "user",
        "displayName",
    }


def test_a_new_secret_ends_the_old_one():
    made = an_api_key(a_user())

    rotated = in_transaction(rotate_api_key, made.name, made.etag)

    assert holds(rotated.secret)
    assert not holds(made.secret)
    assert rotated.etag == '"2"'
    events = service_database()["events"].find({"subject": made.name}).sort("sequence", 1)
    assert [event["type"] for event in events] == [
        "crm.gateway.api_key.created.v1",
        "crm.gateway.api_key.rotated.v1",
    ]


def test_a_revoked_key_is_over_for_good():
    made = an_api_key(a_user())

    revoked = in_transaction(revoke_api_key, made.name, made.etag)
    again = in_transaction(revoke_api_key, made.name, "")

    assert find_key(id_of(made.name)).is_revoked
    assert again.version == revoked.version == 2
    with pytest.raises(NotAllowed):
        in_transaction(rotate_api_key, made.name, "")


def test_keys_are_for_oneself_but_for_those_who_may_make_any():
    member, other = a_user(roles=["roles/member"]), a_user()
    own = ApiKey(user=member.name, display_name="Mine")
    foreign = ApiKey(user=other.name, display_name="Not mine")

    made = as_call(a_call_by(member, "CREATE"), create_api_key, own)
    with pytest.raises(Forbidden):
        as_call(a_call_by(member, "CREATE"), create_api_key, foreign)

    assert made.user == member.name


def test_a_key_never_gives_more_rights_than_its_maker_has():
    keeper = a_user(roles=[a_role(*KEYS).name])
    administrator = a_user(roles=["roles/administrator"])
    theirs = an_api_key(administrator)
    new = ApiKey(user=administrator.name, display_name="A way in")

    with pytest.raises(Forbidden):
        as_call(a_call_by(keeper, "CREATE"), create_api_key, new)
    with pytest.raises(Forbidden):
        as_call(a_call_by(keeper), rotate_api_key, theirs.name, "")

    assert holds(theirs.secret)
    plain = as_call(
        a_call_by(keeper, "CREATE"), create_api_key, ApiKey(user=a_user().name, display_name="X")
    )
    assert plain.secret


def test_a_members_keys_are_seen_and_changed_by_that_member_only():
    ann, ben = a_user(roles=["roles/member"]), a_user(roles=["roles/member"])
    made = an_api_key(ann)

    for command in (rotate_api_key, revoke_api_key):
        with pytest.raises(NotFound):
            as_call(a_call_by(ben), command, made.name, "")
    with call_scope(a_call_by(ben, "READ")):
        seen = list_resources(ApiKey, Question()).messages

    assert seen == []
    assert as_call(a_call_by(ann), rotate_api_key, made.name, "").secret


def test_a_key_keeps_its_user():
    made = an_api_key(a_user())
    changes = ApiKey(id=id_of(made.name), user=a_user().name, display_name="Other")

    with pytest.raises(Invalid):
        in_transaction(update_api_key, changes, ["user", "display_name"], "")
    renamed = in_transaction(update_api_key, changes, ["display_name"], "")

    assert renamed.display_name == "Other"


def test_its_uses_are_told_beside_its_version():
    made = an_api_key(a_user())
    minute = now().replace(second=0, microsecond=0)
    earlier = minute.replace(year=2025)

    for told in (minute, earlier):
        in_transaction(note_uses, [id_of(made.name)], told)

    read = get_resource(ApiKey, made.name)
    assert read.last_use_time.ToDatetime(minute.tzinfo) == minute
    assert read.etag == made.etag
    assert service_database()["events"].count_documents({"subject": made.name}) == 1
