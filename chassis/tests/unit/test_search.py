"""The words that a resource is found by."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_chassis.resources.search import fold, terms_of, words_condition, words_of

_some = st.text("aA1é.@- ", min_size=1, max_size=6)


class Noun:
    searchable = ("title", "tags", "points.value", "ids")
    numbers = ()
    terms_since = ""


def found(words: list[str], query: str) -> bool:
    parts = [part["words"]["$regex"] for part in words_condition(Noun, query)["$and"]]
    return all(any(re.match(part, word) for word in words) for part in parts)


def test_words_are_those_of_the_fields_and_values_without_spaces_are_whole():
    row = {"title": "Élan Vital", "points": [{"value": "vit@x.org"}], "ids": {"erp": "A-7"}}
    assert set(words_of(Noun, row)) == {"elan", "vital", "vit@x.org", "x", "org", "a-7", "7"}


def test_a_value_stays_though_it_begins_another_one():
    row = {"points": [{"value": "+4912"}, {"value": "+49123"}]}
    assert {"+4912", "+49123"} <= set(words_of(Noun, row))


def test_a_number_is_found_by_its_digits():
    assert words_of(Noun, {"title": 1042}) == ["1042"]


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


class Person(Noun):
    numbers = ("points.value",)


@pytest.mark.parametrize("number", ["+41791234567", "+15551234567", "+4915112345678"])
def test_the_ends_of_a_number_are_among_the_terms(number):
    terms = terms_of(Person, {"points": [{"value": number}]})

    assert {number[2:], number[3:], number[4:]} <= set(terms)
    assert set(words_of(Person, {"points": [{"value": number}]})) <= set(terms)


@pytest.mark.parametrize(
    "query",
    [
        "+41 79 123 45 67",
        "079 123 45 67",
        "0041791234567",
        "+41 (0)79 123-45-67",
        "(079) 123.45",
    ],
)
def test_a_number_is_found_however_it_is_written(query):
    terms = terms_of(Person, {"points": [{"value": "+41791234567"}]})

    plain, number = words_condition(Person, query)["$or"]

    assert plain["$and"]
    assert any(re.match(number["words"]["$regex"], term) for term in terms)


@pytest.mark.parametrize("query", ["1042", "Ann 12345", "8001 Zürich", "a-7"])
def test_what_is_no_number_is_looked_for_as_words(query):
    assert list(words_condition(Person, query)) == ["$and"]
