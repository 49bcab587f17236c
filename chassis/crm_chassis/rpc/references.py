"""References are checked before the transaction: own rows, what is known, and at last the owner."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from google.api import resource_pb2
from google.protobuf import json_format
from google.protobuf.message import Message

from crm_chassis.kernel.errors import (
    Flaw,
    Forbidden,
    Invalid,
    NotFound,
    Overdue,
    Unavailable,
    refuse_flaws,
)
from crm_chassis.resources.document import Resource
from crm_chassis.resources.known import keep_rows, known_row
from crm_chassis.resources.references import (
    Finder,
    Reference,
    finder_of,
    finders_of,
    seen_of_known,
    seen_of_own,
)
from crm_chassis.resources.shape import Kind, fields_of
from crm_chassis.rpc.channels import Answer, Peers
from crm_chassis.rpc.declarations import SAFE, Rpc, rpcs_of_peer

Check = Callable[[Message], None]
_DIGITS = re.compile(r"\d+")
# How many owners' answers are waited for at the same time.
_AT_ONCE = 32


class References:
    """Checks what requests refer to, for a service that stores these kinds of documents."""

    def __init__(self, documents: Sequence[type[Resource]], peers: Peers | None = None) -> None:
        self._own = {_type_of(document.message.DESCRIPTOR): document for document in documents}
        self._peers = peers

    def check_of(self, rpc: Rpc) -> Check | None:
        """The check of an RPC's requests; None when they refer to nothing, or change nothing.

        Fields that HTTP has in the path are no references to check: nothing is found under a name
        that is not there. Of an update only the fields that the mask names are checked.
        """
        if rpc.idempotency == SAFE:
            return None
        find = _finder_of(rpc)
        if find is None:
            return None

        def check(request: Message) -> None:
            self.refuse_unknown(find(request, ""))

        return check

    def refuse_unknown(self, references: Iterable[Reference]) -> None:
        """Do nothing when the caller may see all that is referred to.

        Raises:
            Invalid: something is unknown, deleted or not visible; has a flaw for each.
            Unavailable: an owner that has to be asked does not answer.
        """
        found = list(references)
        if not found:
            return
        names: dict[str, set[str]] = {}
        for reference in found:
            names.setdefault(reference.type, set()).add(reference.name)
        seen = {name for type_, some in names.items() for name in self._seen(type_, some)}
        refuse_flaws(_flaw(reference) for reference in found if reference.name not in seen)

    def _seen(self, type_: str, names: set[str]) -> set[str]:
        if type_ in self._own:
            return seen_of_own(self._own[type_], names)
        seen = seen_of_known(names)
        return seen | self._ask_owner(type_, sorted(names - seen))

    def _ask_owner(self, type_: str, names: Sequence[str]) -> set[str]:
        if not names:
            return set()
        if self._peers is None or type_ not in self._readers:
            raise Unavailable(f"Nobody can be asked for a {type_}.")
        peer, rpc = self._readers[type_]
        ask = self._peers.ask(peer, rpc)
        seen: list[Message] = []
        for begin in range(0, len(names), _AT_ONCE):
            some = names[begin : begin + _AT_ONCE]
            answers = [ask.future(rpc.request_class(name=name)) for name in some]
            seen += [message for answer in answers if (message := _waited_for(answer))]
        keep_rows(_known(message) for message in seen)
        return {message.name for message in seen}  # type: ignore[attr-defined]

    @cached_property
    def _readers(self) -> Mapping[str, tuple[str, Rpc]]:
        """By type of resource: whose it is, and the RPC that gives one."""
        return {
            _type_of(rpc.descriptor.output_type): (peer, rpc)
            for peer in (self._peers.names if self._peers is not None else ())
            for rpc in rpcs_of_peer(peer)
            if rpc.name == f"Get{rpc.descriptor.output_type.name}"
        }


def _finder_of(rpc: Rpc) -> Finder | None:
    descriptor = rpc.descriptor.input_type
    if "update_mask" not in descriptor.fields_by_name:
        return finder_of(descriptor, rpc.path_fields)
    resource = next(field for field in fields_of(descriptor) if field.kind is Kind.MESSAGE)
    assert resource.message is not None
    finders = finders_of(resource.message)
    return _masked(resource.name, finders) if finders else None


def _masked(field: str, finders: Mapping[str, Finder]) -> Finder:
    def find(request: Any, prefix: str) -> Iterator[Reference]:
        resource = getattr(request, field)
        named = {path.partition(".")[0] for path in request.update_mask.paths}
        for name, finder in finders.items():
            if not named or name in named:
                yield from finder(resource, f"{prefix}{field}.")

    return find


def _waited_for(answer: Answer[Message]) -> Message | None:
    """The resource; None when there is none for this caller.

    Raises:
        Unavailable: its owner does not answer.
    """
    try:
        return answer.result()
    except (NotFound, Forbidden, Invalid):
        return None
    except Overdue as error:
        raise Unavailable("The owner of a reference did not answer in time.") from error


def _known(message: Any) -> dict[str, Any]:
    data = json_format.MessageToDict(message)
    version = _DIGITS.search(message.etag)
    return known_row(data, int(version[0]) if version else 0)


def _flaw(reference: Reference) -> Flaw:
    return Flaw(reference.path, "REFERENCE_NOT_FOUND", "names nothing that is there")


def _type_of(descriptor: Any) -> str:
    return str(descriptor.GetOptions().Extensions[resource_pb2.resource].type)
