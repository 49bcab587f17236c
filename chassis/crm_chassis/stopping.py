"""How a process is asked to stop, and that it then ends, whatever is still under way in it."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from time import sleep
from traceback import extract_stack

from crm_chassis.telemetry.logging import logger

# What it takes to close connections once nothing is under way, and less than whoever runs the
# process waits beyond its grace (the chart's `termination.marginSeconds`).
MARGIN = 8.0
# How long the log may take at the very end: whoever reads it may read no more.
TOLD_WITHIN = 1.0
_FRAMES = 12
log = logger(__name__)


def stop_when_asked(stop: Callable[[], object], grace: float, margin: float = MARGIN) -> None:
    """Call `stop` once SIGTERM or SIGINT comes; `grace` and `margin` seconds later all is over.

    In a thread of its own: a handler runs between any two steps of the main thread, which may just
    hold the lock that `stop` waits for. What is under way too long ends as in a crash.
    """
    asked: SimpleQueue[int] = SimpleQueue()
    ending = (asked, stop, grace + margin)
    threading.Thread(target=_end, args=ending, name="stopping", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Unlike other queues and events this one may be used in a handler.
        signal.signal(number, lambda number, _frame: asked.put(number))


def _end(asked: "SimpleQueue[int]", stop: Callable[[], object], within: float) -> None:
    number = asked.get()
    log.info("stopping", signal=signal.Signals(number).name)
    stop()
    sleep(within)
    telling = threading.Thread(target=_tell, args=(within,), name="telling", daemon=True)
    telling.start()
    telling.join(TOLD_WITHIN)
    os._exit(1)


def _tell(within: float) -> None:
    """Say what each thread is at."""
    frames = sys._current_frames()
    for thread in threading.enumerate():
        if thread.ident in frames and thread.name not in ("stopping", "telling"):
            stack = extract_stack(frames[thread.ident])[-_FRAMES:]
            places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in stack]
            log.error("not ended", name=thread.name, stack=places)
    log.error("stopped too late", grace=within)
    logging.shutdown()
