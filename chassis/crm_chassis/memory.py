"""How a process treats its memory: what it takes for granted, and what it gives back."""

import ctypes
import gc


def spare_the_collector() -> None:
    """Let the cyclic collector pass over what is loaded, and look only once many are new.

    Rows and messages hold no cycles, and looking at them costs up to half of making them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def give_memory_back() -> None:
    """glibc keeps what a backlog took, a third of the process, until it is asked."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
