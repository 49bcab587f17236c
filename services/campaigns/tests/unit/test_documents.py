"""Documents and messages have the same fields."""

import pytest

from crm_campaigns.api import DOCUMENTS
from crm_chassis.testing.documents import differences


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_lists_the_fields_of_its_message(document):
    assert differences(document) == []
