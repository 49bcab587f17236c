"""The link in mails, as mail programs and people follow it."""

import pytest
from crm.campaigns.v1 import deliveries_pb2, deliveries_pb2_grpc

from crm_chassis.kernel.errors import NotFound, Unauthenticated, Unavailable
from crm_chassis.rpc.channels import Peers
from crm_chassis.telemetry.context import current_call
from crm_chassis.testing.grpc import make_keys, serving
from crm_gateway.app import Parts, create_app
from crm_gateway.http.unsubscribe import unsubscribe_routes
from crm_gateway.transcoding.routes import Bindings
from crm_gateway.transcoding.schema import load_schema
from crm_gateway.transcoding.upstream import Upstreams

CLICK = {"List-Unsubscribe": "One-Click"}
LINK = "/unsubscribe/good-token_1"


class Deliveries(deliveries_pb2_grpc.DeliveryServiceServicer):
    """Knows one token, and notes what it is asked."""

    def __init__(self):
        self.asked, self.is_away = [], False

    def UnsubscribeDelivery(self, request, context):  # noqa: N802 - gRPC names it
        caller = current_call().principal.name
        self.asked.append((request.token, request.validate_only, caller))
        if self.is_away:
            raise Unavailable("It is away.")
        if request.token != "good-token_1":
            raise NotFound("There is no such link.")
        return deliveries_pb2.Delivery(name="campaigns/1/deliveries/1")


@pytest.fixture
def deliveries():
    return Deliveries()


@pytest.fixture
def client(tmp_path, deliveries):
    keys = make_keys(tmp_path, ("gateway", "campaigns"))
    schema = load_schema()
    services = [(deliveries_pb2_grpc.add_DeliveryServiceServicer_to_server, deliveries)]

    def nobody(_request):
        raise Unauthenticated("Nobody is known here.")

    with serving(keys, "campaigns", services) as served:
        peers = Peers(keys.signer(), {"campaigns": served.address})
        upstreams = Upstreams(schema, peers)
        routes = unsubscribe_routes(peers)
        yield create_app(Parts(Bindings(schema), upstreams, nobody, routes=routes)).test_client()
        peers.close()


def test_a_look_shows_a_button_and_unsubscribes_nobody(client, deliveries):
    page = client.get(LINK)

    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert 'method="post"' in page.text
    assert 'value="One-Click"' in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert deliveries.asked == [("good-token_1", True, "services/gateway")]


def test_a_click_unsubscribes_without_any_key(client, deliveries):
    for _ in range(2):
        answer = client.post(LINK, data=CLICK)
        assert (answer.status_code, answer.mimetype) == (200, "text/html")

    assert deliveries.asked == [("good-token_1", False, "services/gateway")] * 2


def test_a_click_may_also_come_as_a_form_in_parts(client, deliveries):
    answer = client.post(LINK, data=CLICK, content_type="multipart/form-data")

    assert answer.status_code == 200
    assert len(deliveries.asked) == 1


@pytest.mark.parametrize("data", [{}, {"List-Unsubscribe": "No"}, {"x": "y"}])
def test_a_post_that_is_no_click_unsubscribes_nobody(client, deliveries, data):
    answer = client.post(LINK, data=data)

    assert (answer.status_code, answer.json["reason"]) == (400, "MALFORMED_REQUEST")
    assert deliveries.asked == []


@pytest.mark.parametrize("ask", ["get", "post"])
def test_a_link_that_is_none_of_ours_is_not_found(client, ask):
    answer = getattr(client, ask)("/unsubscribe/other", data=CLICK)

    assert answer.status_code == 404


@pytest.mark.parametrize("ask", ["get", "post"])
def test_while_the_owner_is_away_it_says_so(client, deliveries, ask):
    deliveries.is_away = True

    answer = getattr(client, ask)(LINK, data=CLICK)

    assert answer.status_code == 503


def test_both_are_in_the_document_and_need_no_key(client):
    operations = client.get("/v1/openapi.json").json["paths"]["/unsubscribe/{token}"]

    assert set(operations) == {"get", "post"}
    assert [operation["security"] for operation in operations.values()] == [[], []]
    assert operations["post"]["requestBody"]["content"]
