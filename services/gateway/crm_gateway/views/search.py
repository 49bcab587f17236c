"""The search over all services: their pages merged into one, with a position in each."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from crm.api.v1 import customers_pb2
from werkzeug.wrappers import Response

from crm_chassis.kernel.errors import Refusal
from crm_chassis.rpc.channels import Peers
from crm_gateway.transcoding.exchange import Authenticate, Exchange
from crm_gateway.transcoding.faults import Fault, Malformed
from crm_gateway.transcoding.paths import Template
from crm_gateway.transcoding.problems import Problem
from crm_gateway.transcoding.routes import JSON, Bound
from crm_gateway.transcoding.upstream import Metadata
from crm_gateway.views.asking import Answers, Services, is_silence

REQUEST, ANSWER = customers_pb2.SearchServiceRequest, customers_pb2.SearchServiceResponse
PATIENCE = 0.8
DEFAULT_SIZE = 50
_POSITION = re.compile(r"(?P<service>[a-z-]{1,40})\.(?P<token>[A-Za-z0-9_-]*)")

# Where to go on in each service that may have more; an empty token is its beginning.
Positions = Mapping[str, str]
Results = list[customers_pb2.SearchResult]


@dataclass
class Page:
    """What was found, where each service goes on, and who did not answer."""

    results: Results = field(default_factory=list)
    positions: dict[str, str] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)

    def take(self, service: str, response: Any) -> None:
        """Show all that a service gave."""
        self.results.extend(response.results)
        if response.next_page_token:
            self.positions[service] = response.next_page_token

    @property
    def token(self) -> str:
        """Where the next page begins. Who did not answer is asked again as long as others go on."""
        if not self.positions:
            return ""
        return token_of({**self.positions, **self.unavailable})


class Search:
    """Answers the search.

    `bound` is the binding by which `SearchService` is reached: its parameters are the search's too.
    """

    def __init__(self, bound: Bound, peers: Peers, authenticate: Authenticate) -> None:
        self.bound = bound
        self.template = Template(("v1", "search"), "", {})
        self._services = Services(peers, bound, REQUEST, ANSWER)
        self._authenticate = authenticate

    def answer(self, exchange: Exchange, _values: Mapping[str, str]) -> Response:
        """A page of what was found, by display name.

        Raises:
            Refusal: a service says that it is not to be asked so.
            Malformed: the request is not what the document describes.
        """
        metadata = exchange.metadata(self._authenticate(exchange.request))
        query = exchange.request.args
        fields = self.bound.binder.read({"service": "all"}, query, None, None)
        positions = positions_in(fields.get("page_token", ""), self._services.names)
        page = self._page(fields, positions, metadata)
        body = {
            "results": [_shown(result) for result in page.results],
            "nextPageToken": page.token,
            "unavailable": sorted(page.unavailable),
        }
        response = Response(orjson.dumps(body), content_type=JSON)
        is_complete = not page.unavailable
        response.headers["Cache-Control"] = "private, no-cache" if is_complete else "no-store"
        return response

    def explain(self, error: Exception) -> Problem:
        """What the caller is told of an error, in the words of this route."""
        return self._services.explain(error)

    def _page(self, fields: Mapping[str, Any], positions: Positions, metadata: Metadata) -> Page:
        """Ask all for a page, and those again of whom only a part of it is shown.

        So each service goes on exactly behind the last that was shown of it.
        """
        size = fields.get("page_size", 0)
        first = self._ask(fields, dict.fromkeys(positions, size), positions, metadata)
        page = Page()
        found = _answered(first, positions, page)
        parts: dict[str, int] = {}
        for service, shown in _shares(found, size or DEFAULT_SIZE).items():
            if shown == len(found[service].results):
                page.take(service, found[service])
            elif shown == 0:
                page.positions[service] = positions[service]
            else:
                parts[service] = shown
        if parts:
            again = self._ask(fields, parts, positions, metadata)
            for service, response in _answered(again, positions, page).items():
                page.take(service, response)
        page.results.sort(key=lambda result: (result.display_name, result.name))
        return page

    def _ask(
        self,
        fields: Mapping[str, Any],
        sizes: Mapping[str, int],
        positions: Positions,
        metadata: Metadata,
    ) -> Answers:
        questions = {
            service: REQUEST(
                service=service,
                query=fields.get("query", ""),
                page_size=size,
                page_token=positions[service],
                show_deleted=fields.get("show_deleted", False),
            )
            for service, size in sizes.items()
        }
        return self._services.ask(questions, metadata, PATIENCE)


def positions_in(token: str, services: Iterable[str]) -> Positions:
    """Where each service goes on: at its beginning without a token.

    Raises:
        Malformed: the token is none of ours.
    """
    if not token:
        return dict.fromkeys(services, "")
    there = frozenset(services)
    positions: dict[str, str] = {}
    for part in token.split("~"):
        found = _POSITION.fullmatch(part)
        if found is None or found["service"] in positions or found["service"] not in there:
            said = "is not a token of this search"
            raise Malformed([Fault("pageToken", "query", "INVALID_PAGE_TOKEN", said)])
        positions[found["service"]] = found["token"]
    return positions


def token_of(positions: Positions) -> str:
    """The token that holds these positions."""
    return "~".join(f"{service}.{token}" for service, token in positions.items())


def _answered(answers: Answers, positions: Positions, page: Page) -> dict[str, Any]:
    """What came; the services that did not answer are noted in the page."""
    found: dict[str, Any] = {}
    for service, answer in answers.items():
        try:
            found[service] = answer.result()
        except Refusal as refusal:
            if not is_silence(refusal):
                raise
            page.unavailable[service] = positions[service]
    return found


def _shares(found: Mapping[str, Any], size: int) -> dict[str, int]:
    """How many each service has among the first `size` of all, by display name."""
    order = sorted(
        (result.display_name, result.name, service)
        for service, response in found.items()
        for result in response.results
    )
    shares = dict.fromkeys(found, 0)
    for _, _, service in order[:size]:
        shares[service] += 1
    return shares


def _shown(result: customers_pb2.SearchResult) -> dict[str, str]:
    return {
        "name": result.name,
        "type": result.type,
        "displayName": result.display_name,
        "snippet": result.snippet,
    }
