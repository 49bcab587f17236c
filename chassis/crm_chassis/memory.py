"""How a process treats its memory: what it takes for granted, and what it gives back."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(*modules: str) -> Iterator[None]:
    """Let what is imported meanwhile go without these, as where they are not installed."""
    absent = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def collect_rarely() -> None:
    """Let the cyclic collector look only once many objects are new.

    Modules, rows and messages hold no cycles worth the search: it costs a seventh of a process's
    start, and up to half of making rows.
    """
    gc.set_threshold(50_000, 20, 50)


def spare_the_collector() -> None:
    """Let the cyclic collector pass over what is loaded by now, and look rarely."""
    collect_rarely()
    gc.collect()
    gc.freeze()


def give_memory_back() -> None:
    """glibc keeps what a backlog took, a third of the process, until it is asked."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def exact(data: bytes) -> bytes:
    """The same bytes in a block of their size: what orjson makes may hold ten times as much."""
    return bytes(memoryview(data))
