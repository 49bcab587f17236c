"""A name server for tests: it tells the addresses of one name, as they are at the moment."""

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

HEADER, IPV4 = struct.Struct("!HHHHHH"), struct.Struct("!HHHLH4s")
ANSWER = 0x8180
ADDRESS, INTERNET = 1, 1
# The name is that of the question, which begins after the header.
SAME_NAME = 0xC000 | HEADER.size


class Names:
    """What is answered to whoever asks; `addresses` may change at any time."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = list(addresses)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))

    def target(self, port: int) -> str:
        """What a gRPC channel is opened to: all addresses, as this server tells them."""
        return f"dns://127.0.0.1:{self._socket.getsockname()[1]}/service.test:{port}"

    def serve(self) -> None:
        """Answer until the socket is shut."""
        while request := self._socket.recvfrom(512):
            if not request[0]:
                return
            self._socket.sendto(self._answer(request[0]), request[1])

    def close(self) -> None:
        """Answer no more."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self._socket.getsockname())

    def _answer(self, request: bytes) -> bytes:
        end = request.index(b"\0", HEADER.size) + 5
        question = request[HEADER.size : end]
        kind = struct.unpack("!HH", question[-4:])[0]
        known = self.addresses if kind == ADDRESS else []
        rows = [
            IPV4.pack(SAME_NAME, ADDRESS, INTERNET, 0, 4, socket.inet_aton(one)) for one in known
        ]
        header = HEADER.pack(HEADER.unpack_from(request)[0], ANSWER, 1, len(rows), 0, 0)
        return b"".join([header, question, *rows])


@contextmanager
def name_server(*addresses: str) -> Iterator[Names]:
    """Tell these addresses, or those it is given later, until the block ends."""
    names = Names(addresses)
    thread = Thread(target=names.serve, name="names")
    thread.start()
    try:
        yield names
    finally:
        names.close()
        thread.join()
