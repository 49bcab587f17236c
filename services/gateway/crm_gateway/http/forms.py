"""A form with one file and its configuration, read as it comes and never kept in memory."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, Self

from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
)
from werkzeug.wrappers import Request

from crm_gateway.transcoding.faults import Fault, Malformed

READ = 64 * 1024
LARGEST_CONFIG = 1024 * 1024
IN_MEMORY = 1024 * 1024


class Form:
    """The two parts of a form, in either order.

    A file that comes before its configuration waits on disk; one that comes after it is handed on
    while it arrives.
    """

    def __init__(self, request: Request, *, config: str, file: str) -> None:
        boundary = request.mimetype_params.get("boundary", "")
        if request.mimetype != "multipart/form-data" or not boundary:
            raise UnsupportedMediaType
        self._events = _events_of(request, boundary.encode("latin-1", "replace"))
        self._names = {"config": config, "file": file}
        self._waiting: IO[bytes] | None = None
        self._is_file_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._waiting is not None:
            self._waiting.close()

    def config(self) -> bytes:
        """The configuration, wherever it is in the form.

        Raises:
            Malformed: there is none, or the form cannot be read.
            RequestEntityTooLarge: it is larger than anybody would write.
        """
        for event in self._events:
            if self._begins(event, "config"):
                return self._all_of_config()
            if self._begins(event, "file"):
                self._refuse_second_file()
                self._waiting = self._put_aside()
        raise Malformed([self._missing("config")])

    def pieces(self, size: int) -> Iterator[bytes]:
        """The file, once its configuration is known, in pieces of `size` bytes.

        Raises:
            Malformed: there is none, or the form cannot be read to its end.
            RequestEntityTooLarge: it is larger than what is taken.
        """
        while self._waiting is not None and (piece := self._waiting.read(size)):
            yield piece
        has_file = self._waiting is not None
        for event in self._events:
            if self._begins(event, "file"):
                if has_file:
                    raise self._second("file")
                has_file = True
                yield from _cut(self._data(), size)
            elif self._begins(event, "config"):
                raise self._second("config")
        if not has_file:
            raise Malformed([self._missing("file")])

    def _begins(self, event: Event, part: str) -> bool:
        """Whether a part begins with this event; one that nobody asked for is refused."""
        if not isinstance(event, Field | File):
            return False
        if event.name not in self._names.values():
            said = f"there are only {' and '.join(self._names.values())}"
            raise Malformed([Fault(event.name or "", "body", "UNKNOWN_FIELD", said)])
        return event.name == self._names[part]

    def _data(self) -> Iterator[bytes]:
        for event in self._events:
            if isinstance(event, Data):
                yield bytes(event.data)
                if not event.more_data:
                    return

    def _all_of_config(self) -> bytes:
        content = b""
        for data in self._data():
            content += data
            if len(content) > LARGEST_CONFIG:
                raise RequestEntityTooLarge
        return content

    def _put_aside(self) -> IO[bytes]:
        waiting: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed with the form
        for data in self._data():
            waiting.write(data)
        waiting.seek(0)
        return waiting

    def _refuse_second_file(self) -> None:
        if self._waiting is not None:
            raise self._second("file")

    def _second(self, part: str) -> Malformed:
        said = "is there more than once"
        return Malformed([Fault(self._names[part], "body", "MORE_THAN_ONE", said)])

    def _missing(self, part: str) -> Fault:
        return Fault(self._names[part], "body", "MISSING_PART", "is not in the form")


def _events_of(request: Request, boundary: bytes) -> Iterator[Event]:
    """What the form says, until its end.

    Raises:
        Malformed: it is none, or ends too early.
    """
    decoder = MultipartDecoder(boundary, max_form_memory_size=None, max_parts=3)
    try:
        while True:
            data = request.stream.read(READ)
            decoder.receive_data(data or None)
            while not isinstance(event := decoder.next_event(), NeedData):
                yield event
                if isinstance(event, Epilogue):
                    return
    except ValueError:
        said = "is no form, or ends too early"
        raise Malformed([Fault("", "body", "MALFORMED_FORM", said)]) from None


def _cut(arriving: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of one size, but for the last."""
    held = b""
    for data in arriving:
        held += data
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if held:
        yield held
