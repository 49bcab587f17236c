"""pika's connection, made to hand the frames of many messages to the socket together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pika


class JoiningConnection(pika.SelectConnection):
    """Within `joined()` frames are gathered: pika alone makes three system calls of each message.

    It overrides the one method that pika leaves to its adapters, `_adapter_emit_data`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._gathered: list[bytes] | None = None
        super().__init__(*args, **kwargs)

    @contextmanager
    def joined(self, may_go: Callable[[], bool]) -> Iterator[None]:
        """Gather what is sent within; at the end it goes, or else the connection is closed."""
        gathered = self._gathered = []
        try:
            yield
        finally:
            self._gathered = None
        if may_go():
            super()._adapter_emit_data(b"".join(gathered))
        elif self.is_open:
            # The broker lacks what was counted as sent.
            self.close()

    @property
    def is_clear(self) -> bool:
        """Whether all that was sent has left the process."""
        return bool(self._get_write_buffer_size() == 0)

    def _adapter_emit_data(self, data: bytes) -> None:
        if self._gathered is None:
            super()._adapter_emit_data(data)
            return
        self._gathered.append(data)
