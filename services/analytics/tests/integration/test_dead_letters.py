"""The dead letters of all services, asked over gRPC."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from crm.analytics.v1 import dead_letters_pb2, dead_letters_pb2_grpc
from crm.api.v1 import dead_letters_pb2 as own_pb2
from crm.api.v1 import dead_letters_pb2_grpc as own_pb2_grpc

from crm_analytics.dead_letters.servicer import AllDeadLettersServicer
from crm_chassis.kernel.errors import Forbidden, Invalid
from crm_chassis.kernel.ids import new_id
from crm_chassis.rpc.channels import Peers
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.grpc import make_keys, serving

START = datetime(2026, 5, 3, tzinfo=UTC)
SERVICES = ("contacts", "sales", "analytics")


class Letters(own_pb2_grpc.DeadLetterServiceServicer):
    """A service that holds these dead letters; a token is the number of those before."""

    def __init__(self, service, minutes):
        self.rows = [
            own_pb2.DeadLetter(
                name=f"deadLetters/{service}.{new_id()}",
                service=service,
                last_time=START + timedelta(minutes=minute),
            )
            for minute in sorted(minutes, reverse=True)
        ]

    def ListServiceDeadLetters(self, request, context):  # noqa: N802 - gRPC names it so
        start = int(request.page_token or 0)
        end = start + (request.page_size or 50)
        return own_pb2.ListServiceDeadLettersResponse(
            dead_letters=self.rows[start:end],
            next_page_token=str(end) if end < len(self.rows) else "",
        )


@pytest.fixture
def letters():
    return {
        "contacts": Letters("contacts", range(0, 40, 2)),
        "sales": Letters("sales", (1, 2, 3, 100)),
        "analytics": Letters("analytics", (5, 50)),
    }


@pytest.fixture
def analytics(tmp_path, letters):
    keys = make_keys(tmp_path, ("gateway", *SERVICES))
    add = own_pb2_grpc.add_DeadLetterServiceServicer_to_server
    with ExitStack() as stack:
        addresses = {
            name: stack.enter_context(serving(keys, name, [(add, letters[name])])).address
            for name in ("contacts", "sales")
        }
        # It takes no events, and so knows nothing of dead letters.
        addresses["gateway"] = stack.enter_context(serving(keys, "gateway", [])).address
        peers = Peers(keys.signer("analytics"), {**addresses, "gone": "127.0.0.1:9"})
        own = letters["analytics"]
        servicer = AllDeadLettersServicer(
            peers, "analytics", lambda request: own.ListServiceDeadLetters(request, None)
        )
        add_all = dead_letters_pb2_grpc.add_AllDeadLettersServiceServicer_to_server
        yield stack.enter_context(serving(keys, "analytics", [(add_all, servicer)]))
        peers.close()


def page(analytics, caller=None, **asked):
    stub = analytics.stub(dead_letters_pb2_grpc.AllDeadLettersServiceStub, caller)
    return stub.ListDeadLetters(dead_letters_pb2.ListDeadLettersRequest(**asked))


@pytest.mark.parametrize("size", [1, 4, 7, 50])
def test_the_dead_letters_of_all_services_come_newest_first_by_pages(analytics, letters, size):
    pages = [page(analytics, page_size=size)]
    while pages[-1].next_page_token:
        pages.append(page(analytics, page_size=size, page_token=pages[-1].next_page_token))

    shown = [(row.last_time.seconds, row.name) for each in pages for row in each.dead_letters]
    held = [(row.last_time.seconds, row.name) for each in letters.values() for row in each.rows]
    assert shown == sorted(held, reverse=True)
    assert all(len(each.dead_letters) == size for each in pages[:-1])


def test_a_service_that_does_not_answer_is_named(analytics):
    answer = page(analytics)

    assert list(answer.unavailable) == ["gone"]
    assert len(answer.dead_letters) == 26


def test_a_token_of_another_list_is_refused(analytics):
    with pytest.raises(Invalid) as refused:
        page(analytics, page_token="strange.1")

    assert refused.value.flaws[0].field == "page_token"


def test_only_who_may_read_dead_letters_is_told(analytics):
    with pytest.raises(Forbidden):
        page(analytics, a_principal(CREATE="ALL"))
