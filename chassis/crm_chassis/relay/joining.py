"""pika's connection, made to hand the frames of many messages to the socket together."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pika

# What a socket takes in one go; of a larger piece pika would copy the rest each time.
PIECE = 65_536


class JoiningConnection(pika.SelectConnection):
    """Within `joined()` frames are gathered: pika alone makes three system calls of each message.

    It overrides the one method that pika leaves to its adapters, `_adapter_emit_data`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._gathered: list[bytes] | None = None
        self._size = 0
        super().__init__(*args, **kwargs)

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Gather what is sent within, and send it piece by piece."""
        self._gathered = []
        try:
            yield
        finally:
            self._emit()
            self._gathered = None

    def _adapter_emit_data(self, data: bytes) -> None:
        if self._gathered is None:
            super()._adapter_emit_data(data)
            return
        self._gathered.append(data)
        self._size += len(data)
        if self._size >= PIECE:
            self._emit()

    def _emit(self) -> None:
        if self._gathered:
            piece = b"".join(self._gathered)
            self._gathered.clear()
            self._size = 0
            super()._adapter_emit_data(piece)
