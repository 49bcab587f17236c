"""Internal tokens: small, bound to who may say what, and known again without a second look."""

import json
import time
import uuid
import zlib

import pytest
from joserfc import jws
from joserfc.jwk import OctKey

from crm_chassis.kernel.errors import Unauthenticated
from crm_chassis.kernel.ids import new_id
from crm_chassis.rpc.claims import pack, unpack
from crm_chassis.rpc.tokens import ALGORITHM, TYPE
from crm_chassis.telemetry.context import Principal, service_principal
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.grpc import make_keys

ACTIONS = ("READ", "CREATE", "UPDATE", "DELETE", "EXPORT", "BULK", "MERGE", "ERASE")
LEVELS = ("ALL", "TEAM", "OWN")


@pytest.fixture
def keys(tmp_path):
    return make_keys(tmp_path)


@pytest.fixture
def verifier(keys):
    return keys.verifier()


def forged(keys, signer="gateway", key=None, header=None, **claims):
    """A token of the gateway's, but for what is told otherwise."""
    moment = int(time.time())
    told = {"iss": "gateway", "aud": "crm", "iat": moment, "exp": moment + 60, **claims}
    protected = {"alg": ALGORITHM, "kid": "gateway", "typ": TYPE, **(header or {})}
    payload = pack(told, a_principal())
    signing = key or keys.signer(signer).key
    token = jws.serialize_compact(protected, payload, signing, algorithms=[protected["alg"]])
    return f"Bearer {token}"


def a_large_principal():
    teams = [f"teams/{new_id()}" for _ in range(200)]
    rights = {
        f"type{number}Names": {
            action: LEVELS[(number + place) % 3] for place, action in enumerate(ACTIONS)
        }
        for number in range(40)
    }
    user = f"users/{new_id()}"
    return Principal(user, user, frozenset(teams[::3]), frozenset(teams), rights)


def test_a_principal_arrives_as_it_was(keys, verifier):
    principal = a_large_principal()

    arrived = verifier.principal(f"Bearer {keys.signer().mint(principal)}")

    assert arrived == principal


def test_two_hundred_teams_and_forty_types_fit_into_four_kibibytes(keys):
    token = keys.signer().mint(a_large_principal())

    assert len(token) < 4096


def test_teams_with_other_names_arrive_too():
    odd = ("teams/sales", f"teams/{uuid.uuid4()}".upper(), "elsewhere/1", f"teams/{uuid.uuid4()}")
    principal = Principal("users/1", "users/1", frozenset(odd[:2]), frozenset(odd))

    assert unpack(pack({}, principal))[1] == principal


def test_a_service_is_itself_whatever_its_token_claims(keys, verifier):
    authorization = f"Bearer {keys.signer('sales').mint(Principal('services/sales'))}"

    assert verifier.principal(authorization) == service_principal("sales")


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer x", "Basic x", "Bearer a.b.c"]
)
def test_what_is_no_token_is_refused(verifier, authorization):
    with pytest.raises(Unauthenticated):
        verifier.principal(authorization)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other"},
        {"exp": 1},
        {"iat": 9_999_999_999, "exp": 9_999_999_999 + 60},
        {"iss": "contacts"},
        {"header": {"kid": "contacts"}},
        {"header": {"kid": "nobody"}},
        {"header": {"typ": "JWT"}},
        {"signer": "sales"},
    ],
)
def test_a_token_that_does_not_hold_in_one_thing_is_refused(keys, verifier, changes):
    with pytest.raises(Unauthenticated):
        verifier.principal(forged(keys, **changes))


def test_another_algorithm_is_refused(keys, verifier):
    public = OctKey.import_key(keys.public.read_bytes())

    with pytest.raises(Unauthenticated):
        verifier.principal(forged(keys, key=public, header={"alg": "HS256"}))


def test_the_gateway_s_own_claims_hold(keys, verifier):
    assert verifier.principal(forged(keys)).name.startswith("users/")


def test_a_verified_token_is_not_verified_again(keys, verifier):
    authorization = f"Bearer {keys.signer().mint(a_principal())}"

    assert verifier.principal(authorization) is verifier.principal(authorization)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no deflate",
        zlib.compress(b"no json"),
        zlib.compress(b"[]\n"),
        zlib.compress(json.dumps({"sub": "users/1"}).encode() + b"\n"),
        zlib.compress(b" " * 1_000_000),
    ],
)
def test_a_payload_that_is_no_claims_is_refused(payload):
    with pytest.raises(ValueError, match=r".+"):
        unpack(payload)
