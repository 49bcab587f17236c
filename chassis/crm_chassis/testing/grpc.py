"""Servers for tests: a real gRPC server in the process, keys for its tokens, and callers."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
from joserfc.jwk import KeySet, OKPKey

from crm_chassis.resources.document import Resource
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.interceptors import Guard
from crm_chassis.rpc.references import References
from crm_chassis.rpc.server import RpcServer
from crm_chassis.rpc.table import LocalCaller, MethodTable, Service
from crm_chassis.rpc.tokens import GATEWAY, Signer, Verifier
from crm_chassis.telemetry.context import Principal
from crm_chassis.testing.calls import a_principal

Stub = TypeVar("Stub")


@dataclass(frozen=True)
class Keys:
    """The keys of some services, in files as services are told of them."""

    folder: Path
    public: Path

    def private(self, service: str) -> Path:
        return self.folder / f"{service}.pem"

    def signer(self, service: str = GATEWAY) -> Signer:
        return Signer(service, OKPKey.import_key(self.private(service).read_bytes()))

    def verifier(self) -> Verifier:
        return Verifier(self.public)


def make_keys(folder: Path, services: Sequence[str] = (GATEWAY, "contacts", "sales")) -> Keys:
    """A key for each of the services, in `folder`."""
    keys = Keys(folder, folder / "keys.json")
    made = {service: OKPKey.generate_key("Ed25519", {"kid": service}) for service in services}
    for service, key in made.items():
        keys.private(service).write_bytes(key.as_pem(private=True))
    public = KeySet(list(made.values())).as_dict(private=False)
    keys.public.write_text(json.dumps(public), encoding="utf-8")
    return keys


@dataclass(frozen=True)
class Served:
    """A service that is being served."""

    service: str
    keys: Keys
    server: RpcServer
    table: MethodTable
    channel: grpc.Channel
    peers: Peers

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    @property
    def local(self) -> LocalCaller:
        """Calls the same RPCs in the process."""
        return LocalCaller(self.table)

    def stub(
        self, stub_class: Callable[[grpc.Channel], Stub], caller: Principal | None = None
    ) -> Stub:
        """A stub that asks in the name of `caller` (an administrator) and raises refusals."""
        token = self.keys.signer().mint(caller or a_principal())
        return self.peers.stub(self.service, stub_class, lambda: f"Bearer {token}")

    def metadata(self, caller: Principal | None = None, **told: str) -> Any:
        """What the gateway tells of a caller, for calls on `channel`; `_` in names is `-`."""
        token = self.keys.signer().mint(caller or a_principal())
        more = tuple((name.replace("_", "-"), value) for name, value in told.items())
        return (("authorization", f"Bearer {token}"), *more)


@contextmanager
def serving(
    keys: Keys,
    service: str,
    services: Sequence[Service],
    documents: Sequence[type[Resource]] = (),
    peers: Peers | None = None,
) -> Iterator[Served]:
    """Serve RPCs on a free port, with all that stands around them, until the block ends."""
    guard = Guard(service, keys.verifier(), References(documents, peers))
    table = MethodTable(services, guard)
    server = RpcServer("127.0.0.1:0", table)
    server.start()
    server.set_serving(serving=True)
    address = f"127.0.0.1:{server.port}"
    known = Peers(keys.signer(), {service: address})
    with grpc.insecure_channel(address) as channel:
        yield Served(service, keys, server, table, channel, known)
    known.close()
    server.stop(0)
