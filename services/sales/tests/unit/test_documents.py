"""Documents and messages have the same fields."""

import pytest

from crm_chassis.testing.documents import differences
from crm_sales.deals.documents import Deal
from crm_sales.pipelines.documents import Pipeline


@pytest.mark.parametrize("document", [Pipeline, Deal])
def test_a_document_lists_the_fields_of_its_message(document):
    assert differences(document) == []
