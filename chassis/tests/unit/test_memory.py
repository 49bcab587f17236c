"""What a process keeps takes the room that it seems to."""

import subprocess
import sys
import tracemalloc

import orjson

from crm_chassis.memory import HEAPS, exact

MANY_THREADS = """
import ctypes, threading
from crm_chassis.memory import be_sparing

be_sparing()
everybody = threading.Barrier(20)

def work():
    everybody.wait()
    kept = [bytearray(10_000) for _ in range(100)]
    everybody.wait()

threads = [threading.Thread(target=work) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
ctypes.CDLL(None).malloc_stats()
"""


def test_threads_share_heaps():
    told = subprocess.run(
        [sys.executable, "-c", MANY_THREADS], capture_output=True, text=True, check=True
    )

    assert 1 <= told.stderr.count("Arena ") <= HEAPS


def test_what_is_kept_takes_its_own_size():
    rows = [{"name": f"contacts/{number}", "givenName": "Ann"} for number in range(200)]
    tracemalloc.start()
    try:
        kept = [exact(orjson.dumps(rows)) for _ in range(20)]
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert kept[0] == orjson.dumps(rows)
    assert taken < 20 * (len(kept[0]) + 200)
