"""JSON is read once, and what it tells twice is told of."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_gateway.transcoding.faults import Malformed
from crm_gateway.transcoding.strict_json import read_json

TEXTS = st.text(st.sampled_from('ab":\\ {},'), max_size=6)
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)


@given(VALUES)
def test_what_tells_nothing_twice_is_read_as_it_is(value):
    for text in (json.dumps(value), json.dumps(value, indent=1, ensure_ascii=False)):
        assert read_json(text.encode()) == value


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b'{"a": 1, "a": 1}', "a"),
        (b'{"a" : 1, "b": {"c": "\\":", "c"\n:2}}', "b.c"),
        (b'[{"a": 1}, {"a": [], "\\u0061": {}}]', "[1].a"),
        (b'{"x y": 1, "x y": 2}', '["x y"]'),
    ],
)
def test_what_is_told_twice_is_told_of(text, field):
    with pytest.raises(Malformed) as refused:
        read_json(text)

    assert [(fault.field, fault.reason) for fault in refused.value.faults] == [
        (field, "DUPLICATE_FIELD")
    ]
