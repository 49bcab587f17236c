"""The words that a resource is found by."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_chassis.resources.search import fold, words_condition, words_of

_some = st.text("aA1é.@- ", min_size=1, max_size=6)


class Noun:
    searchable = ("title", "tags", "points.value", "ids")


def found(words: list[str], query: str) -> bool:
    parts = [part["words"]["$regex"] for part in words_condition(query)["$and"]]
    return all(any(re.match(part, word) for word in words) for part in parts)


def test_words_are_those_of_the_fields_and_values_without_spaces_are_whole():
    row = {"title": "Élan Vital", "points": [{"value": "vit@x.org"}], "ids": {"erp": "A-7"}}
    assert set(words_of(Noun, row)) == {"elan", "vital", "vit@x.org", "x", "org", "a-7", "7"}


def test_a_value_stays_though_it_begins_another_one():
    row = {"points": [{"value": "+4912"}, {"value": "+49123"}]}
    assert {"+4912", "+49123"} <= set(words_of(Noun, row))


@given(st.lists(_some, max_size=4), _some, st.data())
def test_each_beginning_of_a_word_and_of_a_value_finds_it(tags, title, data):
    words = words_of(Noun, {"title": title, "tags": tags})
    for text in (title, *tags):
        for word in re.findall(r"[^\W_]+", fold(text)):
            end = data.draw(st.integers(1, len(word)))
            assert found(words, word[:end])


@pytest.mark.parametrize("query", ["vitals", "lan", "elan x"])
def test_what_begins_no_word_finds_nothing(query):
    assert not found(words_of(Noun, {"title": "Élan Vital"}), query)
