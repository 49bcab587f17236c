"""eventlet, which nameko runs on: it gets into this process first of all, and into no other."""

import os
import warnings


def patch() -> None:
    """Make the standard library cooperative: the first statement of a consumer process.

    What was imported before keeps blocking all that runs in the process. Names are resolved by the
    system: eventlet's own resolver knows less of it.
    """
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
    with warnings.catch_warnings():
        # That it is looked after but not developed any more is known (nameko needs it).
        warnings.simplefilter("ignore")
        import eventlet
    eventlet.monkey_patch()


def refuse_unpatched() -> None:
    """Do nothing in a process that was patched.

    Raises:
        RuntimeError: it was not; nothing would ever run beside a wait.
    """
    from eventlet.patcher import is_monkey_patched

    if not is_monkey_patched("socket"):
        raise RuntimeError("a consumer process begins with consuming.patching.patch()")
