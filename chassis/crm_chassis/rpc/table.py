"""The RPCs of a process with everything around them: for a server, or to be called directly."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import copy_context
from typing import Any, NoReturn

import grpc

from crm_chassis.rpc.declarations import Rpc, rpcs_of_service
from crm_chassis.rpc.errors import unimplemented
from crm_chassis.rpc.interceptors import Guard

# A generated `add_...Servicer_to_server` and the servicer that it adds.
Service = tuple[Callable[[Any, Any], None], Any]
Handler = Any
Metadata = Sequence[tuple[str, Any]]


class MethodTable:
    """The RPCs of some services, each with the guard around its behaviour.

    Raises:
        ValueError: an RPC does not declare permission, idempotency or collection.
    """

    def __init__(self, services: Iterable[Service], guard: Guard) -> None:
        captured = _Capture()
        for add_to_server, servicer in services:
            add_to_server(servicer, captured)
        self.services: Mapping[str, Mapping[str, Handler]] = {
            service: {
                rpc.name: _guarded(handlers[rpc.name], rpc, guard)
                for rpc in rpcs_of_service(service)
            }
            for service, handlers in captured.services.items()
        }

    def register(self, server: grpc.Server) -> None:
        """Let the server answer them."""
        for service, handlers in self.services.items():
            generic = grpc.method_handlers_generic_handler(service, dict(handlers))
            server.add_generic_rpc_handlers((generic,))
            server.add_registered_method_handlers(service, dict(handlers))

    def handler(self, path: str) -> Handler:
        """The handler of `/crm.contacts.v1.ContactService/GetContact`.

        Raises:
            KeyError: this process does not answer it.
        """
        _, service, method = path.split("/")
        return self.services[service][method]


class LocalCaller:
    """Calls the RPCs of this process with the same guard around them, and no network between."""

    def __init__(self, table: MethodTable) -> None:
        self._table = table

    def call(
        self, path: str, request: bytes, metadata: Metadata, timeout: float
    ) -> tuple[bytes, Metadata]:
        """Answer a serialized request with a serialized answer and trailing metadata.

        Raises:
            grpc.RpcError: it was refused, with the same status that a server would send.
        """
        try:
            handler = self._table.handler(path)
        except KeyError:
            raise LocalError(unimplemented(path)) from None
        context = LocalContext(metadata, timeout)
        message = handler.request_deserializer(request)
        answer = copy_context().run(handler.unary_unary, message, context)
        return handler.response_serializer(answer), context.trailing


class LocalContext:
    """What a behaviour sees of a call that did not come over the network."""

    def __init__(self, metadata: Metadata, timeout: float) -> None:
        self._metadata = metadata
        self._end = time.monotonic() + timeout
        self.trailing: Metadata = ()

    def invocation_metadata(self) -> Metadata:
        return self._metadata

    def time_remaining(self) -> float:
        return max(self._end - time.monotonic(), 0.0)

    def is_active(self) -> bool:
        return True

    def set_trailing_metadata(self, metadata: Metadata) -> None:
        self.trailing = metadata

    def abort_with_status(self, status: grpc.Status) -> NoReturn:
        raise LocalError(status)


class LocalError(grpc.RpcError):
    """What a call in the process is refused with: it reads like any other `grpc.RpcError`."""

    def __init__(self, status: grpc.Status) -> None:
        super().__init__(status.details)
        self._status = status

    def code(self) -> grpc.StatusCode:
        return self._status.code

    def details(self) -> str:
        return self._status.details

    def trailing_metadata(self) -> Any:
        return self._status.trailing_metadata


class _Capture:
    """Stands in for a server: keeps what generated code wants to add to one."""

    def __init__(self) -> None:
        self.services: dict[str, Mapping[str, Handler]] = {}

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Generated code adds each service a second time, in a form that we have no use for."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        self.services[service] = handlers


_KINDS = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
}


def _guarded(handler: Handler, rpc: Rpc, guard: Guard) -> Handler:
    kind, handler_of = _KINDS[handler.request_streaming, handler.response_streaming]
    return handler_of(
        guard.around(rpc, getattr(handler, kind)),
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )
