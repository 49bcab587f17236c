"""What a process keeps takes the room that it seems to."""

import tracemalloc

import orjson

from crm_chassis.memory import exact


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
