"""Which values are in the public lists."""

import pytest

from crm_chassis.resources.validation import is_language

LANGUAGES = (
    "de de-CH de-US en-JP gsw tlh-US zh-Hant-TW es-419 de-CH-1996 sl-rozaj en-US-u-ca-gregory "
    "en-x-pirate iw DE-ch"
)
NONE = ("", "-", "d", "zz", "xx-YY", "english", "de_CH", "de--CH", "de-", "de-QQ1", "de-CH ")
TOO_LONG = ("x" * 300, "x-" + "a-" * 150 + "b")


@pytest.mark.parametrize("tag", LANGUAGES.split())
def test_a_language_is_any_tag_whose_parts_are_registered(tag):
    assert is_language(tag)


@pytest.mark.parametrize("text", [*NONE, *TOO_LONG])
def test_what_is_not_registered_is_no_language(text):
    assert not is_language(text)
