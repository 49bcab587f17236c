"""Identities as programs use them: over HTTP, with API keys."""

import pytest

from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo import connection
from crm_chassis.rpc.server import build_peers
from crm_chassis.testing.grpc import make_keys
from crm_chassis.testing.waiting import wait_until
from crm_gateway.access.authentication import Authenticator
from crm_gateway.access.identities import Identities
from crm_gateway.access.last_uses import LastUses
from crm_gateway.api import parts_of
from crm_gateway.app import create_app
from crm_gateway.bootstrap import bootstrap
from crm_gateway.settings import GatewaySettings


class Api:
    """The REST API as somebody with a key sees it."""

    def __init__(self, client, key):
        self._client = client
        self.key = key

    def with_key(self, key):
        return Api(self._client, key)

    def ask(self, verb, path, body=None, **headers):
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.open(
            path,
            method=verb,
            json=body,
            headers={"Authorization": f"Bearer {self.key}", **told},
        )

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body=None, **headers):
        return self.ask("POST", path, body if body is not None else {}, **headers)

    def patch(self, resource, **fields):
        return self.ask("PATCH", f"/v1/{resource['name']}", fields, If_Match=resource["etag"])

    def user(self, **fields):
        values = {"displayName": "Ann", "email": f"{new_id()}@example.com", **fields}
        return self.post("/v1/users", values)

    def api_key(self, user, **fields):
        values = {"user": user["name"], "displayName": "A program", **fields}
        return self.post("/v1/apiKeys", values)

    def role(self, role_id, *grants):
        names = ("resourceType", "action", "level")
        told = [dict(zip(names, grant.split(), strict=True)) for grant in grants]
        return self.post(f"/v1/roles?roleId={role_id}", {"displayName": role_id, "grants": told})

    def as_user(self, **fields):
        """The API as a new user of that kind sees it."""
        user = self.user(**fields).json
        return self.with_key(self.api_key(user).json["secret"]), user


@pytest.fixture
def administrator(schema, tmp_path):
    keys = make_keys(tmp_path)
    settings = GatewaySettings(
        token_key_file=keys.private("gateway"),
        token_keys_file=keys.public,
        time_zone="Europe/Zurich",
    )
    peers = build_peers(settings)
    uses = LastUses(every=0.02)
    authenticate = Authenticator(keys.signer(), Identities(0.1), uses)
    app = create_app(parts_of(settings, peers, authenticate))
    yield Api(app.test_client(), bootstrap("UTC"))
    uses.close()
    peers.close()


def test_without_a_key_the_answer_is_401_as_a_problem(administrator):
    answer = administrator.with_key("crm_live_nothing").get("/v1/users")

    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json["reason"] == "UNAUTHENTICATED"


def test_a_key_in_the_address_is_no_key(administrator):
    answer = administrator._client.get(f"/v1/users?key={administrator.key}")

    assert answer.status_code == 401


def test_a_user_is_made_read_changed_deleted_and_brought_back(administrator):
    made = administrator.user(email="Ann@Example.com")
    changed = administrator.patch(made.json, displayName="Ann Miller")
    stale = administrator.patch(made.json, displayName="Other")
    path = f"/v1/{made.json['name']}"
    gone = administrator.ask("DELETE", path, None, If_Match=changed.json["etag"])
    missing = administrator.get(path)
    back = administrator.post(f"{path}:undelete")
    history = administrator.get(f"{path}:history")

    assert made.status_code == 200, made.json
    assert made.json["email"] == "ann@example.com"
    assert made.json["state"] == "ACTIVE"
    assert made.json["timeZone"] == "Europe/Zurich"
    assert stale.status_code == 412
    assert gone.json["deleteTime"]
    assert missing.status_code == 404
    assert back.json["displayName"] == "Ann Miller"
    words = [change["type"].split(".")[3] for change in history.json["changes"]]
    assert words == ["undeleted", "deleted", "updated", "created"]


def test_an_address_is_one_users_only(administrator):
    administrator.user(email="ann@example.com")

    again = administrator.user(email="Ann@example.com")

    assert again.status_code == 409
    assert again.json["errors"][0]["field"] == "email"


def test_what_a_user_names_must_be_there(administrator):
    team = f"teams/{new_id()}"

    answer = administrator.user(teams=[team], roles=["roles/viewer", "roles/nobody"])

    assert answer.status_code == 400
    assert {error["reason"] for error in answer.json["errors"]} == {"REFERENCE_NOT_FOUND"}
    assert {error["field"] for error in answer.json["errors"]} == {"teams[0]", "roles[1]"}


def test_the_secret_is_in_the_answers_that_make_it_only(administrator):
    user = administrator.user().json
    made = administrator.api_key(user)
    path = f"/v1/{made.json['name']}"
    rotated = administrator.post(f"{path}:rotate")
    read = administrator.get(path)
    listed = administrator.get(f'/v1/apiKeys?filter=user="{user["name"]}"')
    revoked = administrator.post(f"{path}:revoke")
    events = connection.database()["events"].find({"subject": made.json["name"]})

    for answer in (made, rotated):
        key_id = made.json["name"].removeprefix("apiKeys/").replace("-", "")
        assert answer.json["secret"].startswith(f"crm_live_{key_id}_")
    for message in (read.json, revoked.json, *listed.json["apiKeys"], *(e["data"] for e in events)):
        assert "secret" not in message
    assert len(listed.json["apiKeys"]) == 1
    assert revoked.json["revokeTime"]


@pytest.mark.parametrize("fields", [{"secret": "mine"}, {"revokeTime": "2026-05-03T12:00:00Z"}])
def test_what_the_system_sets_cannot_be_told(administrator, fields):
    user = administrator.user().json

    answer = administrator.api_key(user, **fields)

    assert answer.status_code == 400


def test_the_user_of_a_key_cannot_be_changed(administrator):
    made = administrator.api_key(administrator.user().json).json
    other = administrator.user().json

    answer = administrator.patch(made, user=other["name"])

    assert answer.status_code == 400
    assert answer.json["errors"][0]["reason"] == "READ_ONLY"


def test_the_same_request_gets_the_same_secret_and_nobody_else_reads_it(administrator):
    user = administrator.user().json
    body = {"user": user["name"], "displayName": "A program"}

    first = administrator.post("/v1/apiKeys", body, Idempotency_Key="once")
    again = administrator.post("/v1/apiKeys", body, Idempotency_Key="once")
    path = f"/v1/{first.json['name']}:rotate"
    rotated = administrator.post(path, Idempotency_Key="turn")
    repeated = administrator.post(path, Idempotency_Key="turn")
    other = administrator.post("/v1/apiKeys", {**body, "displayName": "X"}, Idempotency_Key="once")

    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert repeated.json == rotated.json
    assert rotated.json["secret"] != first.json["secret"]
    assert other.status_code == 422
    assert administrator.with_key(rotated.json["secret"]).get("/v1/users").status_code == 403
    stored = repr(list(connection.database()["idempotency"].find()))
    for answer in (first, rotated):
        assert answer.json["secret"].rsplit("_", 1)[1] not in stored


def test_a_revoked_key_and_a_suspended_user_are_refused(administrator):
    member, user = administrator.as_user(roles=["roles/member"])
    other = administrator.api_key(user).json
    second = member.with_key(other["secret"])
    before = (member.get("/v1/users").status_code, second.get("/v1/users").status_code)

    administrator.post(f"/v1/{other['name']}:revoke")
    wait_until(lambda: second.get("/v1/users").status_code == 401, timeout=3)
    still = member.get("/v1/users").status_code
    administrator.patch(user, state="SUSPENDED")

    assert before == (200, 200)
    assert still == 200
    wait_until(lambda: member.get("/v1/users").status_code == 401, timeout=3)


def test_a_rotated_keys_old_secret_is_refused_and_the_new_one_counts(administrator):
    member, _ = administrator.as_user(roles=["roles/member"])
    own = member.get("/v1/apiKeys").json["apiKeys"][0]

    rotated = member.post(f"/v1/{own['name']}:rotate").json

    assert member.with_key(rotated["secret"]).get("/v1/apiKeys").status_code == 200
    assert member.get("/v1/apiKeys").status_code == 401


def test_an_expired_key_is_refused(administrator):
    user = administrator.user().json
    past = administrator.api_key(user, expireTime="2026-01-01T00:00:00Z").json

    answer = administrator.with_key(past["secret"]).get("/v1/users")

    assert answer.status_code == 401
    assert "expired" in answer.json["detail"]


def test_the_last_use_is_told(administrator):
    member, _ = administrator.as_user(roles=["roles/member"])

    def told():
        return member.get("/v1/apiKeys").json["apiKeys"][0].get("lastUseTime")

    assert wait_until(told).endswith(":00.000Z")


@pytest.mark.parametrize("role", ["manager", "member"])
def test_who_is_no_administrator_sees_and_changes_oneself_only(administrator, role):
    caller, user = administrator.as_user(roles=[f"roles/{role}"])
    other = administrator.user().json
    key = administrator.api_key(other).json

    assert [one["name"] for one in caller.get("/v1/users").json["users"]] == [user["name"]]
    assert caller.get(f"/v1/{other['name']}").status_code == 404
    assert caller.get(f"/v1/{key['name']}").status_code == 404
    assert caller.get("/v1/roles").status_code == 403
    assert caller.user().status_code == 403
    assert caller.role("mine", "contacts READ ALL").status_code == 403
    assert caller.patch(user, roles=["roles/administrator"]).status_code == 403
    assert caller.api_key(other).status_code in (400, 403)
    assert caller.post(f"/v1/{key['name']}:rotate").status_code in (403, 404)
    assert caller.post(f"/v1/{key['name']}:revoke").status_code in (403, 404)


def test_a_viewer_sees_everybody_and_changes_nobody(administrator):
    caller, user = administrator.as_user(roles=["roles/viewer"])
    other = administrator.user().json
    key = administrator.api_key(other).json

    assert caller.get(f"/v1/{other['name']}").status_code == 200
    assert caller.get("/v1/roles").status_code == 200
    assert caller.user().status_code == 403
    assert caller.patch(user, roles=["roles/administrator"]).status_code == 403
    assert caller.api_key(user).status_code == 403
    assert caller.post(f"/v1/{key['name']}:rotate").status_code == 403
    assert caller.post(f"/v1/{key['name']}:revoke").status_code == 403


@pytest.mark.parametrize("role", ["manager", "member"])
def test_who_works_makes_keys_for_oneself(administrator, role):
    caller, user = administrator.as_user(roles=[f"roles/{role}"])

    made = caller.api_key(user)

    assert made.status_code == 200
    assert caller.with_key(made.json["secret"]).get(f"/v1/{user['name']}").status_code == 200


def test_rights_that_one_lacks_cannot_be_given_by_any_way(administrator):
    grants = [
        f"{collection} {action} ALL"
        for collection in ("users", "roles", "teams", "apiKeys")
        for action in ("READ", "CREATE", "UPDATE", "DELETE")
    ]
    administrator.role("clerk", *grants, "contacts READ TEAM")
    clerk, user = administrator.as_user(roles=["roles/clerk"])
    boss = administrator.user(roles=["roles/administrator"]).json
    boss_key = administrator.api_key(boss).json
    suspended = administrator.user(roles=["roles/administrator"], state="SUSPENDED").json
    team = administrator.post("/v1/teams", {"displayName": "Sales"}).json
    own_role = administrator.get("/v1/roles/clerk").json

    attempts = [
        clerk.patch(user, roles=["roles/administrator"]),
        clerk.patch(user, teams=[team["name"]]),
        clerk.user(roles=["roles/administrator"]),
        clerk.role("more", "contacts READ ALL"),
        clerk.role("star", "* READ OWN"),
        clerk.patch(own_role, grants=[{"resourceType": "*", "action": "READ", "level": "ALL"}]),
        clerk.patch(boss, email="clerk@example.com"),
        clerk.patch(suspended, state="ACTIVE"),
        clerk.api_key(boss),
        clerk.post(f"/v1/{boss_key['name']}:rotate"),
    ]

    assert [answer.status_code for answer in attempts] == [403] * len(attempts)
    assert {answer.json["reason"] for answer in attempts} == {"MORE_THAN_OWN_RIGHTS"}
    assert clerk.patch(boss, displayName="The boss").status_code == 200


def test_a_changed_role_counts_soon(administrator):
    administrator.role("reader", "teams READ ALL")
    reader, _ = administrator.as_user(roles=["roles/reader"])
    before = reader.get("/v1/teams").status_code

    administrator.patch(administrator.get("/v1/roles/reader").json, grants=[])

    assert before == 200
    wait_until(lambda: reader.get("/v1/teams").status_code == 403, timeout=3)


def test_a_team_moves_but_never_below_itself(administrator):
    top = administrator.post("/v1/teams", {"displayName": "Top"}).json
    below = administrator.post("/v1/teams", {"displayName": "Low", "parent": top["name"]}).json

    answer = administrator.patch(top, parent=below["name"])

    assert answer.status_code == 400
    assert answer.json["errors"][0]["field"] == "parent"
    assert administrator.patch(below, parent=None).json["parent"] == ""


def test_roles_from_the_start_stay(administrator):
    answer = administrator.ask("DELETE", "/v1/roles/viewer", None, If_Match="*")

    assert answer.status_code == 422
    assert answer.json["reason"] == "BUILT_IN_ROLE"


def test_the_bootstrap_key_is_made_once_and_then_gets_new_secrets(administrator):
    second = bootstrap("UTC")

    users = administrator.with_key(second).get("/v1/users").json["users"]
    keys = administrator.with_key(second).get("/v1/apiKeys").json["apiKeys"]
    log = list(connection.database()["events"].find({"subject": keys[0]["name"]}))

    assert second != administrator.key
    assert administrator.get("/v1/users").status_code == 401
    assert [user["email"] for user in users] == ["admin@example.com"]
    assert len(keys) == 1
    assert {event["actor"] for event in log} == {"services/gateway"}
    assert connection.database()["receipts"].count_documents({"method": "bootstrap"}) == 2


def test_the_past_of_identities_is_read_from_the_log_with_todays_rights(administrator):
    member, user = administrator.as_user(displayName="Ann", roles=["roles/member"])
    then = administrator.user().json["updateTime"]
    administrator.patch(user, displayName="Ann Miller")

    was = member.get(f"/v1/{user['name']}?readTime={then}")
    listed = member.get(f"/v1/users?readTime={then}")

    assert was.json["displayName"] == "Ann"
    assert [one["displayName"] for one in listed.json["users"]] == ["Ann"]


def test_there_are_no_dead_letters_of_a_service_that_takes_no_events(administrator):
    answer = administrator.get(f"/v1/deadLetters/gateway.{new_id()}")

    assert answer.status_code == 404
    assert answer.json["reason"] == "NOT_FOUND"
