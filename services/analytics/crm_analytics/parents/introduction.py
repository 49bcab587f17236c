"""Customers that events have not brought yet: their owner is asked, as for any other reference."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from crm_chassis.kernel.errors import Invalid, NotFound
from crm_chassis.kernel.ids import collection_of
from crm_chassis.resources.known import find_known
from crm_chassis.resources.references import Reference
from crm_chassis.rpc.references import References

T = TypeVar("T")
_TYPES: Mapping[str, str] = {"contacts": "crm/Contact", "organizations": "crm/Organization"}


class Introduction:
    """Gets to know customers by asking the service that owns them."""

    def __init__(self, references: References) -> None:
        self._references = references

    def reading(self, customer: str, read: Callable[[], T]) -> T:
        """What `read` gives; a second time when it found no customer, who may be known by then.

        Raises:
            NotFound: there is no such customer, or the caller may not see it.
            Unavailable: the owner does not answer.
        """
        try:
            return read()
        except NotFound:
            if find_known(customer) is None:
                self._ask_for(customer)
        return read()

    def _ask_for(self, customer: str) -> None:
        reference = Reference("customer", _TYPES[collection_of(customer)], customer)
        try:
            self._references.refuse_unknown([reference])
        except Invalid as error:
            raise NotFound(f"There is no {customer}.") from error
