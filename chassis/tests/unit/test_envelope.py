"""Events as bytes: what is written is read again, and what is no event of ours is refused."""

from typing import Any

import orjson
import pytest

from crm_chassis.events.envelope import Undecodable, from_cloudevent, to_cloudevent
from crm_chassis.testing.messages import an_event


def altered(**attributes: Any) -> bytes:
    """An event of which some attributes are others."""
    return orjson.dumps({**orjson.loads(to_cloudevent(an_event())), **attributes})


def test_what_is_written_is_read_again():
    event = an_event()

    assert from_cloudevent(to_cloudevent(event)) == event


@pytest.mark.parametrize(
    "attributes",
    [
        {"specversion": "2.0"},
        {"id": ""},
        {"type": 5},
        {"subject": "contacts"},
        {"subject": "contacts/"},
        {"parent": "contacts/1/interactions"},
        {"time": "yesterday"},
        {"time": "0001-01-01T00:00:00+23:59"},
        {"time": "9999-12-31T23:59:59-23:59"},
        {"sequence": "first"},
        {"sequence": 1.5},
        {"sequence": True},
        {"sequence": 0},
        {"sequence": 2**63},
        {"customers": ["contacts/1"]},
        {"paths": None},
        {"traceparent": 5},
        {"correlationid": None},
        {"actor": ["users/1"]},
        {"data": "Zoë"},
    ],
    ids=repr,
)
def test_bytes_of_which_an_attribute_is_none_are_no_event(attributes):
    with pytest.raises(Undecodable):
        from_cloudevent(altered(**attributes))


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"event"', b"\xff\xfe", b"[" * 5_000])
def test_bytes_that_are_no_object_are_no_event(body):
    with pytest.raises(Undecodable):
        from_cloudevent(body)
