"""The routes of operations, for the table of routes that no RPC declares."""

from collections.abc import Mapping

from werkzeug.wrappers import Response

from crm_gateway.http.table import HttpRoute, Operation, refuse_parameters
from crm_gateway.ops import entrance
from crm_gateway.ops.entrance import Identify, let_in
from crm_gateway.ops.overview import OpsOverview, schemas
from crm_gateway.ops.page import Page
from crm_gateway.ops.prometheus import Prometheus
from crm_gateway.ops.scraping import Processes, targets_of
from crm_gateway.ops.seen import Source
from crm_gateway.ops.watch import Watch
from crm_gateway.settings import GatewaySettings
from crm_gateway.transcoding.exchange import Exchange
from crm_gateway.transcoding.openapi import OpenApi, refusals
from crm_gateway.transcoding.routes import JSON

PAGE_PATH, DATA_PATH = "/ops", "/ops/data"
_TAG, _ABOUT = "Ops", "How the installation does, for those who keep it running."
_HTML = "text/html"
_NOT_KEPT = ("Cache-Control", "no-store")


def ops_routes(settings: GatewaySettings, identify: Identify) -> list[HttpRoute]:
    """The page of operations, and its data.

    Raises:
        ValueError: the settings name processes that have no address.
    """
    return routes_of(Watch(sources_of(settings.prometheus_url, settings.metrics_urls)), identify)


def sources_of(prometheus_url: str, metrics_urls: str) -> list[Source]:
    """Those that are set, the better one first.

    Raises:
        ValueError: an address is none.
    """
    sources: list[Source] = []
    if prometheus_url:
        sources.append(Prometheus(prometheus_url))
    if targets := targets_of(metrics_urls):
        sources.append(Processes(targets))
    return sources


def routes_of(watch: Watch, identify: Identify) -> list[HttpRoute]:
    """The same, for a watch that is there."""
    desk = _Desk(watch, identify)
    return [
        HttpRoute("GET", PAGE_PATH, desk.show, _describe_page, explain=entrance.explain),
        HttpRoute("GET", DATA_PATH, desk.tell, _describe_data, explain=entrance.explain),
    ]


class _Desk:
    """Answers whoever may see it."""

    def __init__(self, watch: Watch, identify: Identify) -> None:
        self._watch = watch
        self._identify = identify
        self._page = Page()

    def show(self, exchange: Exchange, _values: Mapping[str, str]) -> Response:
        """The page."""
        self._admit(exchange)
        headers = [
            ("Content-Type", f"{_HTML}; charset=utf-8"),
            ("Content-Security-Policy", self._page.policy),
            ("Referrer-Policy", "no-referrer"),
            _NOT_KEPT,
        ]
        return Response(self._page.html(self._watch.overview()), headers=headers)

    def tell(self, exchange: Exchange, _values: Mapping[str, str]) -> Response:
        """The data."""
        self._admit(exchange)
        content = self._watch.overview().model_dump_json(by_alias=True)
        return Response(content, headers=[("Content-Type", JSON), _NOT_KEPT])

    def _admit(self, exchange: Exchange) -> None:
        let_in(exchange, self._identify)
        refuse_parameters(exchange.request)


def _describe_page(builder: OpenApi) -> Operation:
    content = {_HTML: {"schema": {"type": "string"}}}
    return _described(builder, "getOpsPage", "Shows how the installation does", content)


def _describe_data(builder: OpenApi) -> Operation:
    builder.components.schemas.update(schemas())
    schema = {"$ref": f"#/components/schemas/{OpsOverview.__name__}"}
    return _described(
        builder, "getOpsData", "Tells how the installation does", {JSON: {"schema": schema}}
    )


def _described(builder: OpenApi, name: str, summary: str, content: Operation) -> Operation:
    builder.tag(_TAG, _ABOUT)
    needs = f"Needs {entrance.ACTION} on `{entrance.COLLECTION}` at {entrance.LEVEL}."
    key = "A browser may show the API key as the password of HTTP Basic authentication."
    return {
        "operationId": name,
        "tags": [_TAG],
        "summary": summary,
        "description": f"{summary}.\n\n{needs} {key}",
        "security": [{"bearer": []}, {"basic": []}],
        "x-permission": {"collection": entrance.COLLECTION, "action": entrance.ACTION},
        "x-idempotency": "SAFE",
        "responses": {
            "200": {"description": "The answer.", "content": content},
            **refusals({400, 401, 403, 429, 503, 504}),
        },
    }
