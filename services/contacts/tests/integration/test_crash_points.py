"""A service may be killed at any point of a request: whoever repeats it gets the one answer."""

import signal
import sys
from collections.abc import Callable, Iterator

import grpc
import pytest
from crm.contacts.v1 import contacts_pb2, contacts_pb2_grpc

from crm_chassis.telemetry.context import Principal
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.grpc import make_keys
from crm_chassis.testing.ports import free_ports, is_open
from crm_chassis.testing.processes import end_of, start_process, stop_process
from crm_chassis.testing.waiting import PATIENCE, wait_until

COMMIT = "pymongo.synchronous.client_session:ClientSession.commit_transaction"
POINTS = {
    "stored, and not yet committed": f"1 before {COMMIT}",
    "committed, and not yet answered": f"1 after {COMMIT}",
}
Create = Callable[[], contacts_pb2.Contact]


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def keys(tmp_path):
    return make_keys(tmp_path, ("gateway", "contacts"))


@pytest.fixture
def start(database, mongo_uri, tmp_path, keys, port) -> Iterator[Callable[..., object]]:
    """Starts the service's api; told a point, it will be killed there."""
    running = []
    environment = {
        "CRM_CONTACTS_MONGODB_URI": mongo_uri,
        "CRM_CONTACTS_MONGODB_DATABASE": database.name,
        "CRM_CONTACTS_GRPC_ADDRESS": f"127.0.0.1:{port}",
        "CRM_CONTACTS_METRICS_ADDRESS": "127.0.0.1:0",
        "CRM_CONTACTS_TOKEN_KEY_FILE": str(keys.private("contacts")),
        "CRM_CONTACTS_TOKEN_KEYS_FILE": str(keys.public),
    }

    def start(point=""):
        trap = ["crm_chassis.testing.dying", point] if point else []
        log = tmp_path / "api.log"
        running.append(
            start_process([sys.executable, "-m", *trap, "crm_contacts", "api"], log, environment)
        )
        wait_until(lambda: is_open(port), what=f"the service; {end_of(log)}")
        return running[-1]

    yield start
    for process in running:
        stop_process(process)


@pytest.fixture
def create(keys, port) -> Iterator[Create]:
    """Asks for a contact, each time with the same key."""
    caller: Principal = a_principal()
    options = [("grpc.max_reconnect_backoff_ms", 200), ("grpc.initial_reconnect_backoff_ms", 100)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        stub = contacts_pb2_grpc.ContactServiceStub(channel)
        request = contacts_pb2.CreateContactRequest(contact={"given_name": "Ada"})

        def create():
            token = keys.signer().mint(caller)
            metadata = (("authorization", f"Bearer {token}"), ("idempotency-key", "once"))
            return stub.CreateContact(request, metadata=metadata, timeout=60)

        yield create


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS.keys())
def test_a_request_whose_service_was_killed_has_one_effect_when_it_is_repeated(
    database, start, create, point
):
    victim = start(point)
    with pytest.raises(grpc.RpcError) as gone:
        create()
    killed = victim.wait(PATIENCE)
    start()
    refusals = set()

    def answered():
        try:
            return create()
        except grpc.RpcError as error:
            refusals.add(error.code())
            return None

    contact = wait_until(answered, every=0.2)

    assert killed == -signal.SIGKILL
    assert gone.value.code() is grpc.StatusCode.UNAVAILABLE
    assert refusals <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED}
    assert create() == contact
    [row], [event], [receipt] = (
        list(database[name].find()) for name in ("contacts", "events", "receipts")
    )
    assert contact.name == f"contacts/{row['_id']}" == event["subject"]
    assert [promised["id"] for promised in receipt["events"]] == [event["_id"]]
