"""Who asks: API keys that count, that count no longer, and the tokens that they become."""

from datetime import timedelta

import pytest

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Unauthenticated
from crm_chassis.kernel.ids import id_of, new_id
from crm_chassis.resources.reading import get_resource
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.telemetry.context import Principal
from crm_chassis.testing.grpc import make_keys
from crm_chassis.testing.waiting import wait_until
from crm_gateway.access.authentication import Authenticator
from crm_gateway.access.identities import Identities
from crm_gateway.access.last_uses import LastUses
from crm_gateway.api_keys.commands import revoke_api_key, rotate_api_key
from crm_gateway.api_keys.documents import ApiKey
from crm_gateway.api_keys.rules import read_key, write_key
from crm_gateway.roles.commands import update_role
from crm_gateway.roles.documents import Grant, Role
from crm_gateway.teams.commands import update_team
from crm_gateway.teams.documents import Team
from crm_gateway.testing import a_role, a_team, a_user, an_api_key
from crm_gateway.users.commands import delete_user, update_user
from crm_gateway.users.documents import User

pytestmark = pytest.mark.usefixtures("administration")
# What is asked so many seconds later is answered by what is true now.
SOON = 3.0


@pytest.fixture
def keys(tmp_path):
    return make_keys(tmp_path)


@pytest.fixture
def uses():
    uses = LastUses(every=0.02)
    yield uses
    uses.close()


@pytest.fixture
def authenticator(keys, uses):
    """One that believes what it has read for a short time only."""
    return Authenticator(keys.signer(), Identities(0.1), uses)


@pytest.fixture
def ask(authenticator, keys):
    """The principal that a service sees for a key."""
    verifier = keys.verifier()

    return asking(authenticator, verifier)


def asking(authenticator, verifier):
    def who(key):
        return verifier.principal(f"Bearer {authenticator.token(f'Bearer {key}')}")

    return who


def is_refused(ask, key):
    try:
        ask(key)
    except Unauthenticated:
        return True
    return False


def test_a_key_asks_for_its_user_with_the_rights_of_all_roles_and_teams_below(ask):
    top = a_team()
    below = a_team(parent=top.name)
    roles = [a_role("contacts READ OWN").name, a_role("contacts READ TEAM").name]
    user = a_user(roles=roles, teams=[top.name])
    key = an_api_key(user)

    principal = ask(key.secret)

    assert principal == Principal(
        key.name,
        user.name,
        frozenset({top.name}),
        frozenset({top.name, below.name}),
        {"contacts": {"READ": "TEAM"}},
    )


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_the_scheme_is_read_in_any_case(authenticator, scheme):
    key = an_api_key(a_user())

    assert authenticator.token(f"{scheme} {key.secret}")


@pytest.mark.parametrize("said", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer crm_live_1_2"])
def test_without_a_key_nobody_asks(authenticator, said):
    with pytest.raises(Unauthenticated):
        authenticator.token(said)


def test_a_key_that_is_not_there_and_a_wrong_secret_get_the_same_answer(ask):
    key = an_api_key(a_user())
    secret = read_key(key.secret).secret
    unknown = write_key(new_id(), secret)
    wrong = write_key(id_of(key.name), secret[::-1])
    ask(key.secret)

    answers = []
    for shown in (unknown, wrong):
        with pytest.raises(Unauthenticated) as refused:
            ask(shown)
        answers.append((refused.value.detail, refused.value.reason, refused.value.flaws))

    assert answers[0] == answers[1]
    assert ask(key.secret).name == key.name


def test_a_wrong_secret_costs_as_many_looks_as_a_key_that_is_not_there(ask, database):
    key = an_api_key(a_user())
    ask(key.secret)
    shown = [write_key(name, "a" * 32) for name in (new_id(), id_of(key.name))]

    looks = [looked_at(database, lambda one=one: is_refused(ask, one)) for one in shown]

    assert looks == [["api_keys"], ["api_keys"]]


def test_an_expired_key_is_refused_from_its_end_on(ask):
    end = now() + timedelta(seconds=5)
    key = an_api_key(a_user(), expire_time=end)
    first = ask(key.secret)

    wait_until(lambda: is_refused(ask, key.secret), timeout=6)

    assert first.name == key.name
    assert now() >= end


def test_a_revoked_key_counts_no_longer(ask):
    key = an_api_key(a_user())
    ask(key.secret)

    in_transaction(revoke_api_key, key.name, "")

    wait_until(lambda: is_refused(ask, key.secret), SOON)


def test_a_new_secret_counts_at_once_and_the_old_one_no_longer(ask):
    key = an_api_key(a_user())
    ask(key.secret)

    rotated = in_transaction(rotate_api_key, key.name, "")
    ask(rotated.secret)

    assert is_refused(ask, key.secret)


def test_an_old_secret_is_refused_soon_also_where_nobody_shows_the_new_one(ask):
    key = an_api_key(a_user())
    ask(key.secret)

    in_transaction(rotate_api_key, key.name, "")

    wait_until(lambda: is_refused(ask, key.secret), SOON)


def test_a_suspended_user_is_refused_and_let_in_again(ask):
    user = a_user()
    key = an_api_key(user)
    ask(key.secret)

    change(user, state="SUSPENDED")
    wait_until(lambda: is_refused(ask, key.secret), SOON)
    change(user, state="ACTIVE")

    wait_until(lambda: not is_refused(ask, key.secret), SOON)


def test_the_keys_of_a_deleted_user_are_refused(ask):
    user = a_user()
    key = an_api_key(user)

    in_transaction(delete_user, user.name, "")

    assert is_refused(ask, key.secret)


def test_a_changed_role_counts(ask):
    role = a_role("contacts READ OWN")
    key = an_api_key(a_user(roles=[role.name]))
    ask(key.secret)

    grants = [Grant(resource_type="contacts", action="READ", level="ALL")]
    in_transaction(update_role, Role(id=role.id, grants=grants), ["grants"], "")

    wait_until(lambda: ask(key.secret).level("contacts", "READ") == "ALL", SOON)


def test_a_changed_team_counts(ask):
    own, other = a_team(), a_team()
    user = a_user(teams=[own.name])
    key = an_api_key(user)
    ask(key.secret)

    in_transaction(update_team, Team(id=other.id, parent=own.name), ["parent"], "")
    wait_until(lambda: other.name in ask(key.secret).team_scope, SOON)
    change(user, teams=[])

    wait_until(lambda: not ask(key.secret).teams, SOON)


def test_whatever_changes_counts_within_three_seconds(keys, uses):
    ask = asking(Authenticator(keys.signer(), Identities(), uses), keys.verifier())
    role, team = a_role("contacts READ OWN"), a_team()
    suspended, user = a_user(), a_user(roles=[role.name], teams=[team.name])
    revoked, other, own = an_api_key(user), an_api_key(suspended), an_api_key(user)
    for key in (revoked, other, own):
        ask(key.secret)

    below = a_team(parent=team.name)
    grants = [Grant(resource_type="contacts", action="READ", level="ALL")]
    in_transaction(revoke_api_key, revoked.name, "")
    change(suspended, state="SUSPENDED")
    in_transaction(update_role, Role(id=role.id, grants=grants), ["grants"], "")

    def all_count():
        principal = ask(own.secret)
        has_changed = principal.level("contacts", "READ") == "ALL"
        is_over = is_refused(ask, revoked.secret) and is_refused(ask, other.secret)
        return has_changed and is_over and below.name in principal.team_scope

    wait_until(all_count, SOON)


def test_a_token_is_the_same_while_nothing_has_changed(authenticator):
    user = a_user(roles=["roles/member"])
    key = an_api_key(user)
    first = authenticator.token(f"Bearer {key.secret}")

    other_key = authenticator.token(f"Bearer {an_api_key(user).secret}")
    wait_until(lambda: reads_again(authenticator, key.secret))
    again = authenticator.token(f"Bearer {key.secret}")
    change(user, roles=[])

    assert again == first != other_key
    wait_until(lambda: authenticator.token(f"Bearer {key.secret}") != first, SOON)


def test_a_token_stays_small_with_many_types_and_teams(authenticator):
    top = a_team()
    for _ in range(199):
        a_team(parent=top.name)
    levels = ("OWN", "TEAM", "ALL")
    actions = ("READ", "CREATE", "UPDATE", "DELETE", "EXPORT", "BULK", "MERGE", "ERASE")
    grants = [
        f"collection{'abcdefghij'[kind % 10] * (1 + kind // 10)} {action} {levels[(kind + at) % 3]}"
        for kind in range(40)
        for at, action in enumerate(actions)
    ]
    key = an_api_key(a_user(roles=[a_role(*grants).name], teams=[top.name]))

    token = authenticator.token(f"Bearer {key.secret}")

    assert len(token) < 4096


def test_uses_are_told_once_a_minute_outside_of_the_request(keys):
    written = []
    uses = LastUses(lambda ids, minute: written.append((tuple(ids), minute)), every=0.02)
    authenticator = Authenticator(keys.signer(), Identities(), uses)
    key = an_api_key(a_user())

    for _ in range(50):
        authenticator.token(f"Bearer {key.secret}")
    wait_until(lambda: written)
    uses.close()

    ids = [name for some, _ in written for name in some]
    assert set(ids) == {id_of(key.name)}
    assert len(ids) == len({minute for _, minute in written}) <= 2
    assert all(minute.second == minute.microsecond == 0 for _, minute in written)


def test_the_last_use_stands_beside_the_key(ask):
    key = an_api_key(a_user())
    begun = now().replace(second=0, microsecond=0)
    ask(key.secret)

    def read():
        message = get_resource(ApiKey, key.name)
        return message if message.HasField("last_use_time") else None

    told = wait_until(read)
    assert told.last_use_time.ToDatetime(begun.tzinfo) >= begun
    assert told.etag == key.etag


def test_uses_that_cannot_be_written_stop_nothing(keys):
    tried = []

    def write(ids, _minute):
        tried.append(ids)
        raise RuntimeError

    uses = LastUses(write, every=0.02)
    uses.note("a")
    wait_until(lambda: len(tried) == 1)
    uses.note("b")
    wait_until(lambda: len(tried) == 2)

    uses.close()


def change(user, **fields):
    changes = User(id=user.id, **fields)
    in_transaction(update_user, changes, [*fields], "", "UTC")


def reads_again(authenticator, key):
    """Whether what is believed of the key has been read a second time."""
    believed = authenticator._identities._believed
    before = believed[read_key(key).key_id]
    authenticator.token(f"Bearer {key}")
    return believed[read_key(key).key_id] is not before


def looked_at(database, action):
    """The collections that the action reads, as the server saw it."""
    database.command("profile", 2)
    action()
    database.command("profile", 0)
    seen = [row["ns"].partition(".")[2] for row in database["system.profile"].find({"op": "query"})]
    database["system.profile"].drop()
    return seen
