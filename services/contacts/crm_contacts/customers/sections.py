"""The sections of the customer view that this service tells, as its servicer asks for them."""

from collections.abc import Mapping, Sequence

from crm_contacts.customers.past import sections_then
from crm_contacts.customers.queries import sections_now


class CustomerSections:
    """Who a customer is, what was allowed, and when the company and the customer were in touch."""

    rights: Mapping[str, Sequence[str]] = {
        "profile": (),
        "relationships": (),
        "consents": ("consents",),
        "interactions": ("interactions",),
    }
    now = staticmethod(sections_now)
    then = staticmethod(sections_then)
