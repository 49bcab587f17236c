"""When API keys were last used: told to the minute, and never while somebody waits."""

from collections.abc import Callable, Collection
from datetime import datetime
from threading import Event, Lock, Thread

from crm_chassis.kernel.clock import now
from crm_chassis.resources.transaction import as_call
from crm_chassis.telemetry.context import own_call
from crm_chassis.telemetry.logging import logger
from crm_gateway.api_keys.commands import note_uses

Write = Callable[[Collection[str], datetime], None]
# How soon after its use a key tells of it.
ROUND = 1.0
_log = logger(__name__)


def write_uses(key_ids: Collection[str], minute: datetime) -> None:
    """Keep beside each key the minute in which it was used."""
    as_call(own_call("gateway", "last-uses"), note_uses, key_ids, minute)


class LastUses:
    """Collects which keys were used, and writes that once a minute and key from its own thread.

    The thread begins with the first use, and so in the process that serves.
    """

    def __init__(self, write: Write = write_uses, every: float = ROUND) -> None:
        self._write = write
        self._every = every
        self._noted: dict[str, datetime] = {}
        self._pending: dict[str, datetime] = {}
        self._lock = Lock()
        self._stop = Event()
        self._thread: Thread | None = None

    def note(self, key_id: str) -> None:
        """Take note that the key is just being used."""
        minute = _minute()
        if self._noted.get(key_id) == minute:
            return
        with self._lock:
            self._noted[key_id] = self._pending[key_id] = minute
            if self._thread is None:
                self._thread = Thread(target=self._run, name="last-uses", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Write what is left and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, {}
            minute = _minute()
            self._noted = {key: at for key, at in self._noted.items() if at == minute}
        for at in set(pending.values()):
            keys = [key for key, noted in pending.items() if noted == at]
            try:
                self._write(keys, at)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next minute tells again
                _log.warning("uses of keys not written", count=len(keys), exc_info=error)


def _minute() -> datetime:
    return now().replace(second=0, microsecond=0)
