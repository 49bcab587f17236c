"""Documents and messages have the same fields."""

import pytest

from crm_chassis.testing.documents import differences
from crm_service_desk.cases.documents import Case
from crm_service_desk.messages.documents import Message


@pytest.mark.parametrize("document", [Case, Message])
def test_a_document_lists_the_fields_of_its_message(document):
    assert differences(document) == []
