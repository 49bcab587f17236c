"""Which values are in the public lists."""

import pytest
from crm.contacts.v1 import contacts_pb2

from crm_chassis.resources.validation import flaws, flaws_of_each, is_language

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


def test_each_message_of_a_list_has_the_flaws_that_it_has_alone():
    contacts = [
        {"given_name": "Ann"},
        {"emails": [{"address": "ann@example.org"}, {"address": "nobody"}]},
        {"birth_date": "1970-02-30", "addresses": [{}, {"region_code": "XX"}]},
    ]
    alone = [flaws(contacts_pb2.Contact(**contact)) for contact in contacts]

    found = flaws_of_each(contacts_pb2.ListContactsResponse(contacts=contacts), "contacts")

    assert found == {place: some for place, some in enumerate(alone) if some}
    assert {flaw.field for some in found.values() for flaw in some} == {
        "emails[1].address",
        "birth_date",
        "addresses[1].region_code",
    }
