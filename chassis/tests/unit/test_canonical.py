"""The canonical form and the hash over it."""

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from crm_chassis.events.canonical import canonical, datahash, new_salt

_scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
_numbers = _scalars | st.floats(allow_nan=False, allow_infinity=False)
_documents = st.dictionaries(
    st.text(),
    st.recursive(_numbers, lambda below: st.lists(below) | st.dictionaries(st.text(), below)),
)


@given(_documents)
def test_the_quick_way_writes_the_same_bytes_as_the_standard(document):
    assert canonical(document) == rfc8785.dumps(document)


def test_the_hash_depends_on_salt_and_data_and_not_on_the_order_of_keys():
    salt = new_salt()

    same = datahash(salt, {"a": 1, "b": [True]}) == datahash(salt, {"b": [True], "a": 1})
    other_salt = datahash(new_salt(), {"a": 1})

    assert same
    assert other_salt != datahash(salt, {"a": 1})
