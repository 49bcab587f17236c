"""Documents and messages have the same fields, and values survive the way there and back."""

import pytest
from crm.contacts.v1 import contacts_pb2
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.ids import new_id
from crm_chassis.resources.translate import (
    from_message,
    json_from_row,
    message_from_row,
    to_message,
)
from crm_chassis.testing.documents import differences
from crm_contacts.consents.documents import Consent
from crm_contacts.contacts.documents import Contact
from crm_contacts.interactions.documents import Interaction
from crm_contacts.organizations.documents import Organization

_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
_points = st.fixed_dictionaries({"address": _text}, optional={"kind": st.sampled_from([1, 2, 6])})
_contacts = st.builds(
    contacts_pb2.Contact,
    given_name=_text,
    emails=st.lists(_points, max_size=3),
    addresses=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "locality": _text,
                "address_lines": st.lists(_text),
                "primary": st.booleans(),
            },
        ),
        max_size=2,
    ),
    tags=st.lists(_text, max_size=3),
    external_ids=st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9_-]{0,8}\Z"), _text, max_size=3),
    lifecycle_stage=st.sampled_from([0, 1, 7]),
)


@pytest.mark.parametrize("document", [Contact, Organization, Interaction, Consent])
def test_a_document_lists_the_fields_of_its_message(document):
    assert differences(document) == []


@given(_contacts)
def test_a_message_survives_being_stored(message):
    document = from_message(message, Contact)
    document.id, document.version = new_id(), 3
    document.create_time = document.update_time = now()

    back = to_message(document)

    assert back.etag == '"3"'
    for field in ("name", "etag", "create_time", "update_time"):
        back.ClearField(field)
    assert back == message


@given(_contacts)
def test_the_json_of_a_row_is_the_proto3_json_of_its_message(message):
    document = from_message(message, Contact)
    document.id, document.version = new_id(), 1
    document.create_time = document.update_time = now()
    row = document.to_row()

    data = json_from_row(Contact, row)

    assert json_format.ParseDict(data, contacts_pb2.Contact()) == message_from_row(Contact, row)
