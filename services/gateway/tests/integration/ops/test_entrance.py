"""Who may see the page of operations, with a real key: programs by Bearer, browsers by Basic."""

import base64

import pytest

from crm_chassis.rpc.server import build_peers
from crm_chassis.testing.grpc import make_keys
from crm_gateway.access.authentication import Authenticator
from crm_gateway.access.identities import Identities
from crm_gateway.access.last_uses import LastUses
from crm_gateway.api import parts_of
from crm_gateway.app import create_app
from crm_gateway.ops.entrance import as_bearer
from crm_gateway.settings import GatewaySettings
from crm_gateway.testing import a_role, a_user, an_api_key

PATHS = ("/ops", "/ops/data")


@pytest.fixture
def client(administration, tmp_path):
    keys = make_keys(tmp_path)
    settings = GatewaySettings(token_key_file=keys.private("gateway"), token_keys_file=keys.public)
    peers, uses = build_peers(settings), LastUses(every=0.02)
    authenticate = Authenticator(keys.signer(), Identities(0.1), uses)
    yield create_app(parts_of(settings, peers, authenticate)).test_client()
    uses.close()
    peers.close()


def a_key(*grants):
    return an_api_key(a_user(roles=[a_role(*grants).name])).secret


def basic(key):
    return f"Basic {base64.b64encode(f'ann:{key}'.encode()).decode()}"


def statuses(client, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    return [client.get(path, headers=headers).status_code for path in PATHS]


@pytest.mark.parametrize("show", ["Bearer {}".format, basic])
def test_who_may_read_operations_sees_them_as_a_program_and_in_a_browser(client, show):
    assert statuses(client, show(a_key("ops READ ALL"))) == [200, 200]
    assert statuses(client, show(a_key("* READ ALL"))) == [200, 200]


@pytest.mark.parametrize("grant", ["contacts READ ALL", "ops READ TEAM", "ops UPDATE ALL"])
def test_who_may_not_is_told_so(client, grant):
    answer = client.get("/ops", headers={"Authorization": basic(a_key(grant))})

    assert (answer.status_code, answer.json["reason"]) == (403, "PERMISSION_DENIED")
    assert statuses(client, f"Bearer {a_key(grant)}") == [403, 403]


@pytest.mark.parametrize(
    "shown", ["", basic("crm_live_nothing"), "Basic !!!", "Basic", "Bearer x", "Digest x"]
)
def test_without_a_key_a_browser_is_asked_for_one(client, shown):
    for path in PATHS:
        answer = client.get(path, headers={"Authorization": shown} if shown else {})

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith('Basic realm="')
        assert answer.content_type == "application/problem+json"


def test_a_parameter_that_there_is_not_is_refused(client):
    headers = {"Authorization": f"Bearer {a_key('ops READ ALL')}"}

    for path in PATHS:
        answer = client.get(f"{path}?since=now", headers=headers)

        assert answer.status_code == 400
        assert answer.json["errors"][0]["reason"] == "UNKNOWN_PARAMETER"


def test_nowhere_else_is_a_key_taken_as_a_password(client):
    key = a_key("* READ ALL")

    answer = client.get("/v1/users", headers={"Authorization": basic(key)})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_page_and_its_data_are_kept_by_nobody(client):
    key = a_key("ops READ ALL")

    for path in PATHS:
        answer = client.get(path, headers={"Authorization": f"Bearer {key}"})

        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_without_a_source_the_page_is_there_and_says_so(client):
    key = a_key("ops READ ALL")

    page = client.get("/ops", headers={"Authorization": f"Bearer {key}"}).text
    told = client.get("/ops/data", headers={"Authorization": f"Bearer {key}"}).json

    assert "Nobody answers" in page
    assert told["isWell"] is None
    assert told["source"]["kind"] == "NONE"


@pytest.mark.parametrize(
    ("shown", "taken"),
    [
        (basic("a:b"), "Bearer a:b"),
        ("bAsIc " + base64.b64encode(b":key").decode(), "Bearer key"),
        ("Basic " + base64.b64encode(b"\xff\xfe").decode(), "Bearer "),
        ("Bearer key", "Bearer key"),
        ("", ""),
    ],
)
def test_the_password_is_the_key_whatever_the_name(shown, taken):
    assert as_bearer(shown) == taken
