"""The dead letters of all services over gRPC: each is asked for its own at the same time."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import grpc
from crm.analytics.v1 import dead_letters_pb2, dead_letters_pb2_grpc
from crm.api.v1 import dead_letters_pb2 as own_pb2
from crm.api.v1 import dead_letters_pb2_grpc as own_pb2_grpc

from crm_analytics.dead_letters.rules import Positions, positions_in, shares, token_of
from crm_chassis.kernel.errors import Overdue, Refusal, TooMany, Unavailable
from crm_chassis.rpc.channels import Peers

DEFAULT_SIZE = 50
# How long a service is waited for; it may be asked twice.
PATIENCE = 0.8
Page = own_pb2.ListServiceDeadLettersResponse
Ask = Callable[[own_pb2.ListServiceDeadLettersRequest], Page]


class AllDeadLettersServicer(dead_letters_pb2_grpc.AllDeadLettersServiceServicer):
    """Ask, merge, translate. `own` lists the dead letters of this service, `service` by name."""

    def __init__(self, peers: Peers, service: str, own: Ask) -> None:
        self._peers = peers
        self._service = service
        self._own = own

    def ListDeadLetters(self, request, context):
        names = {*self._peers.names, self._service}
        size = request.page_size or DEFAULT_SIZE
        merged = _Merged(positions_in(request.page_token, names))
        found = dict(self._pages(dict.fromkeys(merged.positions, size), merged))
        again = merged.take(found, size)
        for service, page in self._pages(again, merged):
            merged.take_all(service, page)
        return merged.answer()

    def _pages(self, sizes: Mapping[str, int], merged: "_Merged") -> Iterator[tuple[str, Page]]:
        """A page of so many rows of each of the services that answer."""
        requests = {
            service: own_pb2.ListServiceDeadLettersRequest(
                service=service, page_size=size, page_token=merged.positions[service]
            )
            for service, size in sizes.items()
        }
        pending = {service: self._begin(service, each) for service, each in requests.items()}
        for service, result in pending.items():
            try:
                yield service, result()
            except (Unavailable, Overdue, TooMany) as refusal:
                if not _takes_no_events(refusal):
                    merged.silent[service] = merged.positions[service]

    def _begin(
        self, service: str, request: own_pb2.ListServiceDeadLettersRequest
    ) -> Callable[[], Page]:
        if service == self._service:
            return lambda: self._own(request)
        stub = self._peers.stub(service, own_pb2_grpc.DeadLetterServiceStub)
        result: Callable[[], Page] = stub.ListServiceDeadLetters.future(request, PATIENCE).result
        return result


class _Merged:
    """What is shown of each service, where each goes on, and who did not answer.

    A service of whose page only a part is shown is asked again for just that part: so it says
    itself where the next page begins.
    """

    def __init__(self, positions: Positions) -> None:
        self.positions = positions
        self.silent: dict[str, str] = {}
        self._shown: list[Any] = []
        self._next: dict[str, str] = {}

    def take(self, found: Mapping[str, Page], size: int) -> dict[str, int]:
        """Show the newest of what was found. Gives of whom a part only, and how much."""
        keys = {name: [_key(row) for row in page.dead_letters] for name, page in found.items()}
        parts: dict[str, int] = {}
        for service, share in shares(keys, size).items():
            if share == len(keys[service]):
                self.take_all(service, found[service])
            elif share == 0:
                self._next[service] = self.positions[service]
            else:
                parts[service] = share
        return parts

    def take_all(self, service: str, page: Page) -> None:
        """Show all that a service gave."""
        self._shown.extend(page.dead_letters)
        if page.next_page_token:
            self._next[service] = page.next_page_token

    def answer(self) -> dead_letters_pb2.ListDeadLettersResponse:
        """What was shown, newest first."""
        return dead_letters_pb2.ListDeadLettersResponse(
            dead_letters=sorted(self._shown, key=_key, reverse=True),
            next_page_token=token_of(self._next, self.silent),
            unavailable=sorted(self.silent),
        )


def _takes_no_events(refusal: Refusal) -> bool:
    """Whether the service said that it has no such thing as dead letters."""
    cause: Any = refusal.__cause__
    return isinstance(cause, grpc.RpcError) and cause.code() is grpc.StatusCode.UNIMPLEMENTED


def _key(row: Any) -> tuple[Any, ...]:
    return (row.last_time.seconds, row.last_time.nanos, row.name)
