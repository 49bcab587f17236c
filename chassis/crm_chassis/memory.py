"""How a process treats its memory: what it takes for granted, and what it gives back."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# The interpreter lets one thread work at a time, and gRPC another beside it.
HEAPS = 2
# What malloc.h calls this choice.
_M_ARENA_MAX = -8


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


def be_sparing() -> None:
    """What a process does first, while it has no thread but one."""
    share_heaps()
    collect_rarely()


def share_heaps() -> None:
    """Let all threads share as many heaps as work is done at once.

    glibc gives one to each of many threads, and each heap keeps what its largest answer took: a
    process grew by a megabyte a minute until all had seen one.
    """
    choose = getattr(ctypes.CDLL(None), "mallopt", None)
    if choose is not None:
        choose(_M_ARENA_MAX, HEAPS)


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
