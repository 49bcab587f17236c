"""The link in mails by which a recipient gets no more of them (RFC 8058), open to everybody.

Programs that look at mails follow the links in them: only POST unsubscribes, GET shows a button.
"""

from collections.abc import Mapping
from importlib import resources
from typing import Any

from crm.campaigns.v1 import deliveries_pb2, deliveries_pb2_grpc
from werkzeug.wrappers import Response

from crm_chassis.rpc.channels import Peers
from crm_gateway.http.table import HttpRoute, Operation, public
from crm_gateway.transcoding.exchange import Exchange
from crm_gateway.transcoding.faults import Fault, Malformed
from crm_gateway.transcoding.openapi import OpenApi, refusals
from crm_gateway.transcoding.paths import parse_template

OWNER = "campaigns"
PATH = "/unsubscribe/{token}"
FIELD, ONE_CLICK = "List-Unsubscribe", "One-Click"
_HTML = "text/html"
_FORM = "application/x-www-form-urlencoded"
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def unsubscribe_routes(peers: Peers) -> list[HttpRoute]:
    """The page with the button, and what the button and mail programs call."""
    template = parse_template(PATH, lambda _collection: "")
    links = _Links(peers)
    return [
        HttpRoute("GET", PATH, links.show, _describe_page, template=template),
        HttpRoute("POST", PATH, links.unsubscribe, _describe_click, template=template),
    ]


class _Links:
    """Answers the links; whom one is about only the owner of deliveries can tell."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._question, self._done = _text("unsubscribe.html"), _text("unsubscribed.html")

    def show(self, _exchange: Exchange, values: Mapping[str, str]) -> Response:
        """The page with the button. Looking at it changes nothing."""
        self._ask(values["token"], validate_only=True)
        return _page(self._question)

    def unsubscribe(self, exchange: Exchange, values: Mapping[str, str]) -> Response:
        """Unsubscribe; a second time is as good as the first."""
        if exchange.request.form.get(FIELD) != ONE_CLICK:
            said = f"must be {ONE_CLICK}"
            raise Malformed([Fault(FIELD, "body", "MISSING_PART", said)])
        self._ask(values["token"], validate_only=False)
        return _page(self._done)

    def _ask(self, token: str, *, validate_only: bool) -> None:
        """Tell the owner, in the gateway's own name: whoever has the link is nobody we know.

        Raises:
            NotFound: the token is none of ours.
            Unavailable, Overdue: the owner does not answer.
        """
        stub = self._peers.stub(
            OWNER, deliveries_pb2_grpc.DeliveryServiceStub, self._peers.own_authorization
        )
        request = deliveries_pb2.UnsubscribeDeliveryRequest(
            token=token, validate_only=validate_only
        )
        stub.UnsubscribeDelivery(request)


def _text(file: str) -> bytes:
    return (resources.files(__package__) / "pages" / file).read_bytes()


def _page(content: bytes) -> Response:
    headers = [
        ("Content-Type", f"{_HTML}; charset=utf-8"),
        ("Content-Security-Policy", _POLICY),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Robots-Tag", "noindex"),
    ]
    return Response(content, headers=headers)


def _describe_page(_builder: OpenApi) -> Operation:
    return _described("getUnsubscribePage", "Shows the page of a mail's unsubscribe link", {404})


def _describe_click(_builder: OpenApi) -> Operation:
    operation = _described("unsubscribe", "Unsubscribes the recipient of a mail", {400, 404})
    field: Mapping[str, Any] = {"type": "string", "const": ONE_CLICK}
    schema = {"type": "object", "required": [FIELD], "properties": {FIELD: field}}
    operation["requestBody"] = {"required": True, "content": {_FORM: {"schema": schema}}}
    return operation


def _described(name: str, summary: str, statuses: set[int]) -> Operation:
    operation = public(name, summary, {_HTML: {"schema": {"type": "string"}}})
    operation["parameters"] = [
        {
            "name": "token",
            "in": "path",
            "required": True,
            "description": "What the link says: which mail it is about, signed.",
            "schema": {"type": "string", "maxLength": 255},
        }
    ]
    operation["responses"] |= refusals({*statuses, 503, 504})
    return operation
